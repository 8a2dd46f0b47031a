"use strict";
// Tables sort by the column that is clicked: largest first, then smallest first; words from A to Z first.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const body = table.tBodies[0];
    const value = (row) => {
      const cell = row.cells[column];
      return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
    };
    const rows = [...body.rows];
    const numbers = rows.some((row) => typeof value(row) === "number");
    const before = head.getAttribute("aria-sort");
    const first = numbers ? "descending" : "ascending", other = numbers ? "ascending" : "descending";
    const order = before === first ? other : first;
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!numbers) return sign * x.localeCompare(y);
      // What was not measured comes last.
      if (typeof x !== "number" || typeof y !== "number") return (typeof x !== "number") - (typeof y !== "number");
      return sign * (x - y);
    });
    body.append(...rows);
  }));
}

const data = JSON.parse(document.getElementById("data").textContent);
const choices = document.getElementById("choices");
if (choices) {
  const SVG = "http://www.w3.org/2000/svg", SIZE = 360, EDGE = 40;
  const figure = document.getElementById("scatter");
  const counts = document.getElementById("counts"), shown = document.getElementById("query");
  const at = (value) => EDGE + value * (SIZE - EDGE - 10);
  const made = (name, attributes, text) => {
    const node = document.createElementNS(SVG, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const fill = (select, names, chosen) => {
    select.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
  };
  const draw = () => {
    const of = data[choices.collection.value], measure = choices.measure.value;
    const first = choices.first.value, second = choices.second.value;
    const xs = of.scores[first][measure], ys = of.scores[second][measure];
    const most = Math.max(1, ...xs, ...ys);
    const svg = made("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": `${measure}: ${second} over ${first}` });
    const x = (value) => at(value / most), y = (value) => SIZE - at(value / most);
    svg.append(made("path", { class: "axis", d: `M${x(0)} ${y(most)}V${y(0)}H${x(most)}` }));
    svg.append(made("path", { class: "frontier", d: `M${x(0)} ${y(0)}L${x(most)} ${y(most)}` }));
    for (const tick of [0, most / 2, most]) {
      const label = String(Math.round(tick * 100) / 100);
      svg.append(made("text", { class: "tick", x: x(tick), y: y(0) + 16, "text-anchor": "middle" }, label));
      svg.append(made("text", { class: "tick", x: x(0) - 5, y: y(tick) + 4, "text-anchor": "end" }, label));
    }
    svg.append(made("text", { class: "tick", x: SIZE / 2, y: SIZE - 6, "text-anchor": "middle" }, first));
    svg.append(made("text", { class: "tick", x: 0, y: 0, transform: `translate(12 ${SIZE / 2}) rotate(-90)`, "text-anchor": "middle" }, second));
    let won = 0, lost = 0;
    xs.forEach((value, number) => {
      const [id, text] = of.queries[number];
      const dot = made("circle", { cx: x(value), cy: y(ys[number]), r: 5 });
      const words = `${id}: ${text} (${first} ${value}, ${second} ${ys[number]})`;
      dot.append(made("title", {}, words));
      const show = () => {
        for (const each of svg.querySelectorAll(".shown")) each.classList.remove("shown");
        dot.classList.add("shown");
        shown.textContent = words;
      };
      dot.addEventListener("mouseenter", show);
      dot.addEventListener("click", show);
      svg.append(dot);
      won += ys[number] > value;
      lost += ys[number] < value;
    });
    figure.replaceChildren(svg);
    counts.textContent = `${second} is better for ${won} queries, worse for ${lost}, the same for ${xs.length - won - lost}.`;
  };
  const choose = () => {
    const of = data[choices.collection.value], systems = Object.keys(of.scores);
    fill(choices.measure, Object.keys(of.scores[systems[0]]), choices.measure.value);
    fill(choices.first, systems, choices.first.value || systems[0]);
    fill(choices.second, systems, choices.second.value || systems[1]);
    draw();
  };
  fill(choices.collection, Object.keys(data));
  choices.collection.addEventListener("change", choose);
  for (const name of ["measure", "first", "second"]) choices[name].addEventListener("change", draw);
  choose();
}
