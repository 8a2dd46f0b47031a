"""Words so frequent in a language that they say nothing of what a text is about."""

from __future__ import annotations

from lsr.encoding.sparse.bm25 import STOP_WORDS as LUCENE

# Articles, pronouns, prepositions and forms of "to be" and "to have".
_WORDS = {
    "german": "aber als am an auch auf aus bei bin bis bist da dadurch daher darum das daß dass dein deine dem den der "
    "des dessen deshalb die dies dieser dieses doch dort du durch ein eine einem einen einer eines er es euer eure für "
    "hatte hatten hattest hattet hier ich ihr ihre im in ist ja jede jedem jeden jeder jedes jener jenes jetzt kann "
    "kannst können könnt mein meine mit muß musst müssen nach nicht nun oder sein seine sich sie sind so und uns unser "
    "unsere vom von vor was wenn werden wie wir wird wo zu zum zur über",
    "french": "au aux avec ce ces cet cette dans de des du elle elles en est et eu il ils je la le les leur leurs lui "
    "ma mais me mes moi mon ne nos notre nous on ou où par pas pour qu que qui sa se ses si son sont sur ta te tes toi "
    "ton tu un une vos votre vous y à été être",
    "spanish": "a al ante como con contra cual de del desde donde durante e el ella ellas ellos en entre era es esa "
    "esas ese eso esos esta estas este esto estos fue ha hasta hay la las le les lo los me mi mis más muy ni no nos o "
    "otra otro para pero por porque que quien se ser si sin sobre son su sus también te tu un una uno unos y ya yo",
    "italian": "a ad al alla alle anche che chi ci come con cui da dal dalla dalle dei del della delle di e ed era gli "
    "ha hanno i il in io la le lei lo loro lui ma mi mio ne nei nel nella noi non nostro o per perché più quale questa "
    "questo se si sia sono su sua sue sui sul suo tra tu un una uno vi voi è",
    "portuguese": "a ao aos as até com como da das de dela dele do dos e ela elas ele eles em entre era essa esse esta "
    "este eu foi há isso isto já lhe mais mas me mesmo meu minha muito na nas nem no nos nós o os ou para pela pelo "
    "por qual quando que quem se sem ser seu seus sua são também te tem tu um uma você à é",
    "dutch": "aan al als bij dat de der deze die dit doch doen door dus een en er ge geen haar had heb heeft hem het "
    "hij hoe hun ik in is je kan kon maar me meer men met mij mijn na naar niet nog nu of om omdat onder ons ook op "
    "over te tegen toch toen tot u uit uw van veel voor want was wat we wel werd wie wij wordt ze zich zij zijn zo zou",
    "swedish": "alla att av blev bli blir de dem den denna dess det detta dig din ditt du där då efter ej eller en er "
    "ett från för ha hade han har hon honom hur här i icke in inom inte jag ju kan kunde man med mellan men mig min "
    "mot mycket ni nu när någon något några och om oss på samma sedan sig sin sitt själv som så till under upp ut utan "
    "vad var vem vi vid vilken är över",
    "russian": "а без бы был была были было быть в вам вас во вот все всё вы где да для до его ее её если есть еще же "
    "за и из или им их к как когда кто ли мне мы на над не него нее нет ни но о об он она они оно от по при с со так "
    "там то тоже только у уже что чтобы эта эти это этого этой этот я",
}
# Lucene's English ones, and what stands for the speaker and for examples.
STOP_WORDS = {
    "english": LUCENE | {"eg", "i", "ie"},
    **{language: frozenset(words.split()) for language, words in _WORDS.items()},
}
