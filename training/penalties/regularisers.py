"""What keeps vectors sparse: penalties on term weights, each a scalar of weights [texts, vocabulary], not negative.

Two things are published as "IDF-aware FLOPS", and they are not the same:

- `idf_matching`: the score is Σ idf_j q_j d_j and the penalty plain FLOPS of the weights d_j before the IDF. That is
  the authors' code of "Towards Competitive Search Relevance For Inference-Free Learned Sparse Retrievers"
  (arXiv:2411.04403; its second version speaks of the matching function). Nothing but `flops` is needed.
- `flops_idf_inverse`: the penalty is Σ_j (mean_i w_ij / idf_j)², of whatever weights it is given. With weights that
  hold the IDF already, w = idf d, it is the same as the above; with weights that do not, and an IDF in the score too,
  frequent terms are penalised twice.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lsr.core.errors import InputError


def l1(weights: Tensor) -> Tensor:
    """mean_i Σ_j |w_ij|: the mean weight of a text, and with it, roughly, its active terms."""
    return weights.abs().sum(1).mean()


def flops(weights: Tensor, *, threshold: int = 0, factors: Tensor | None = None) -> Tensor:
    """Σ_j (f_j mean_i |w_ij|)²: the products that scoring two such texts takes (Paria et al., arXiv:2004.05665).

    Args:
        weights: [texts, vocabulary].
        threshold: texts of at most so many active terms are not penalised, though the mean still counts them
            (l0-thresholded FLOPS, arXiv:2504.14839, as in the authors' code).
        factors: f_j [vocabulary], or None for 1: `idf_inverse_factors`, `df_factors`.
    """
    if threshold:
        weights = weights * ((weights != 0).sum(1) > threshold)[:, None]
    mean = weights.abs().mean(0)
    return (mean if factors is None else mean * factors).square().sum()


def anti_zero(weights: Tensor) -> Tensor:
    """1 / (Σ_ij w_ij)², which keeps a batch of vectors from dying out altogether.

    As in the code that trained SPLADE++ and SPLADE-v3 (naver/splade, `splade/hf/trainers.py`); no paper has it. Bounded
    at 10⁶ where all weights are zero.
    """
    return 1 / (weights.sum().square() + 1e-6)


def idf_inverse_factors(idf: Tensor) -> Tensor:
    """1 / idf_j, which makes `flops` what is called `flops_idf_inverse` above; idf: [vocabulary], positive."""
    if not bool((idf > 0).all()):
        raise InputError("an IDF that is not positive cannot be divided by: leave such terms out or clip them")
    return idf.reciprocal()


def df_factors(document_shares: Tensor, *, alpha: float, beta: float) -> Tensor:
    """The factors of DF-FLOPS (arXiv:2505.15070): 1 / (1 + (x^(log_α 2) - 1)^β) for the share x of documents.

    A term in the share `alpha` of the documents gets 0.5, a rarer one less, down to 0, a more frequent one more, up to
    1; `beta` says how sharply. Here the factor stands within the square; give its root for the other reading.

    document_shares: [vocabulary], in [0, 1], of the documents in which each term is active.
    """
    if not (0 < alpha < 1 and beta > 0):
        raise InputError(f"alpha must lie between 0 and 1 and beta above 0, not {alpha} and {beta}")
    # In float64 and by way of x = 0: the power there is infinite, and the factor zero.
    power = document_shares.double().pow(math.log(2) / math.log(alpha))
    return (1 / (1 + (power - 1).clamp(min=0).pow(beta))).to(document_shares.dtype)


def document_shares(weights: Tensor) -> Tensor:
    """[vocabulary]: the share of texts in which each term is active."""
    return (weights != 0).to(torch.float32).mean(0)
