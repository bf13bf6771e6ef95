// Factor of an inverse covariance: S = C C^T (Cholesky), L = C^-1, so S^-1 = L^T L and the squared Mahalanobis distance
// of d is |L d|^2. L is lower triangular. Only + - * / and square roots.

import { ControlPlaneError } from "../errors.ts";

/** Lower triangular, row-major. Throws FAILED_PRECONDITION where the covariance is not positive definite. */
export function inverseFactor(covariance: Float64Array, features: number): Float64Array {
  return invertLower(cholesky(covariance, features), features);
}

function cholesky(covariance: Float64Array, features: number): Float64Array {
  const lower = new Float64Array(features * features);
  const at = (i: number, j: number) => lower[i * features + j] as number;
  for (let i = 0; i < features; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = covariance[i * features + j] as number;
      for (let k = 0; k < j; k++) rest -= at(i, k) * at(j, k);
      if (i !== j) {
        lower[i * features + j] = rest / at(j, j);
        continue;
      }
      if (!(rest > 0)) {
        const message = `model.covariance: pivot ${rest} of feature ${i}, must be above 0`;
        throw new ControlPlaneError("FAILED_PRECONDITION", message, { field: "model.covariance" });
      }
      lower[i * features + i] = Math.sqrt(rest);
    }
  }
  return lower;
}

/** Forward substitution, column by column. */
function invertLower(lower: Float64Array, features: number): Float64Array {
  const inverse = new Float64Array(features * features);
  for (let j = 0; j < features; j++) {
    inverse[j * features + j] = 1 / (lower[j * features + j] as number);
    for (let i = j + 1; i < features; i++) {
      let sum = 0;
      for (let k = j; k < i; k++) sum += (lower[i * features + k] as number) * (inverse[k * features + j] as number);
      inverse[i * features + j] = -sum / (lower[i * features + i] as number);
    }
  }
  return inverse;
}
