// Logistic regression on sets of features, L2-regularized: minimizes |w|^2 / 2 + C (sum of log(1 + exp(-y w.x))) over
// the weights and the bias, which is a weight as the others are. Newton's method with conjugate gradients and a line
// search that always goes down: no chance in it, the same input gives the same bits.

/** Texts as the features they have; row i is `indices[starts[i]..starts[i + 1]]`. */
export interface Rows {
  readonly indices: Uint16Array;
  readonly starts: Uint32Array;
}

export interface Weights {
  /** One a feature, in nats. */
  readonly weights: Float64Array;
  readonly bias: number;
}

/** Share of the first gradient that is left at the end; the minimum is then met to far below a percent. */
const GRADIENT_LEFT = 1e-5;
const NEWTON_STEPS_MAX = 50;
/** How exactly a step is solved for. */
const RESIDUAL_LEFT = 0.1;
const CONJUGATE_STEPS_MAX = 100;
/** A step is halved until it gains this share of what the slope promises (Armijo). */
const GAIN_LEAST = 1e-4;
const HALVINGS_MAX = 30;

/** Lists of distinct features as rows. */
export function rowsOf(lists: readonly Uint16Array[]): Rows {
  const starts = new Uint32Array(lists.length + 1);
  for (const [i, list] of lists.entries()) starts[i + 1] = starts[i]! + list.length;
  const indices = new Uint16Array(starts[lists.length]!);
  for (const [i, list] of lists.entries()) indices.set(list, starts[i]!);
  return { indices, starts };
}

/**
 * `attack[i]` is 1 where row i is an attack, else 0. `c` is C. Throws where no row is of the one kind or the other, or
 * the minimum is not met.
 */
export function fit(rows: Rows, attack: Uint8Array, features: number, c: number): Weights {
  const attacks = attack.reduce((sum, one) => sum + one, 0);
  if (attacks === 0 || attacks === attack.length)
    throw new Error(`attack: ${attacks} of ${attack.length} rows, must be some and not all`);
  const problem = new Problem(rows, attack, features, c);
  const w = new Float64Array(features + 1);
  let loss = problem.lossAt(w);
  let first = 0;
  for (let step = 0; step < NEWTON_STEPS_MAX; step++) {
    const gradient = problem.gradientAt(w);
    const left = Math.sqrt(dot(gradient, gradient));
    if (step === 0) first = left;
    if (left <= GRADIENT_LEFT * first) return { weights: w.subarray(0, features), bias: w[features]! };
    loss = descend(problem, w, loss, gradient);
  }
  throw new Error(`regression: not at the minimum after ${NEWTON_STEPS_MAX} steps`);
}

/** Goes along Newton's direction; returns the new loss. */
function descend(problem: Problem, w: Float64Array, loss: number, gradient: Float64Array): number {
  const direction = newtonDirection(problem, gradient);
  const slope = dot(gradient, direction);
  const from = w.slice();
  let size = 1;
  for (let i = 0; i < HALVINGS_MAX; i++, size /= 2) {
    for (let j = 0; j < w.length; j++) w[j] = from[j]! + size * direction[j]!;
    const found = problem.lossAt(w);
    if (found <= loss + GAIN_LEAST * size * slope) return found;
  }
  throw new Error(`regression: no way down from a loss of ${loss}`);
}

/** Solves Hessian x direction = -gradient by conjugate gradients. */
function newtonDirection(problem: Problem, gradient: Float64Array): Float64Array {
  const direction = new Float64Array(gradient.length);
  const residual = gradient.map((value) => -value);
  const search = residual.slice();
  let size = dot(residual, residual);
  const enough = RESIDUAL_LEFT ** 2 * size;
  for (let i = 0; i < CONJUGATE_STEPS_MAX && size > enough; i++) {
    const curved = problem.hessianTimes(search);
    const step = size / dot(search, curved);
    for (let j = 0; j < direction.length; j++) {
      direction[j]! += step * search[j]!;
      residual[j]! -= step * curved[j]!;
    }
    const next = dot(residual, residual);
    for (let j = 0; j < search.length; j++) search[j] = residual[j]! + (next / size) * search[j]!;
    size = next;
  }
  return direction;
}

class Problem {
  readonly #rows: Rows;
  readonly #attack: Uint8Array;
  readonly #bias: number;
  readonly #c: number;
  /** Of each row, at the weights of the last loss: its score, and the curvature there. */
  readonly #scores: Float64Array;
  readonly #curvature: Float64Array;

  constructor(rows: Rows, attack: Uint8Array, bias: number, c: number) {
    this.#rows = rows;
    this.#attack = attack;
    this.#bias = bias;
    this.#c = c;
    this.#scores = new Float64Array(attack.length);
    this.#curvature = new Float64Array(attack.length);
  }

  lossAt(w: Float64Array): number {
    this.#times(w, this.#scores);
    let sum = 0;
    for (let i = 0; i < this.#scores.length; i++) {
      // log(1 + exp(x)) without overflow.
      const x = this.#attack[i] === 1 ? -this.#scores[i]! : this.#scores[i]!;
      sum += Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    }
    return dot(w, w) / 2 + this.#c * sum;
  }

  /** At the weights of the last loss, which `w` must be. */
  gradientAt(w: Float64Array): Float64Array {
    const slopes = new Float64Array(this.#scores.length);
    for (let i = 0; i < slopes.length; i++) {
      const probability = 1 / (1 + Math.exp(-this.#scores[i]!));
      slopes[i] = this.#c * (probability - this.#attack[i]!);
      this.#curvature[i] = this.#c * probability * (1 - probability);
    }
    return this.#backTimes(slopes, w);
  }

  /** By the curvature of the last gradient. */
  hessianTimes(v: Float64Array): Float64Array {
    const along = new Float64Array(this.#scores.length);
    this.#times(v, along);
    for (let i = 0; i < along.length; i++) along[i]! *= this.#curvature[i]!;
    return this.#backTimes(along, v);
  }

  #times(w: Float64Array, out: Float64Array): void {
    const { indices, starts } = this.#rows;
    for (let i = 0; i < out.length; i++) {
      let sum = w[this.#bias]!;
      for (let at = starts[i]!, end = starts[i + 1]!; at < end; at++) sum += w[indices[at]!]!;
      out[i] = sum;
    }
  }

  /** v + transposed rows x values. */
  #backTimes(values: Float64Array, v: Float64Array): Float64Array {
    const { indices, starts } = this.#rows;
    const out = v.slice();
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      for (let at = starts[i]!, end = starts[i + 1]!; at < end; at++) out[indices[at]!]! += value;
      out[this.#bias]! += value;
    }
    return out;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
