/** Eigenvalues and eigenvectors of a symmetric matrix, by Householder reflections and implicit QL (EISPACK, JAMA). */

/** Eigenvalues, ascending, and their eigenvectors one after another: number i at `i · n`. */
export interface Eigen {
  readonly values: Float64Array;
  readonly vectors: Float64Array;
}

/**
 * Of `matrix` `[n, n]`, which it overwrites, with a pause after each part of the work: about 9 n³ operations. The inner
 * loops run over neighbouring numbers, so that a matrix of 768 columns takes seconds.
 */
export function* symmetricEigen(matrix: Float64Array, n: number): Generator<undefined, Eigen> {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  yield* tridiagonalize(matrix, n, diagonal, beside);
  yield* diagonalize(matrix, n, diagonal, beside);
  return sorted(matrix, n, diagonal);
}

/** Columns of `v` become the reflections' product; the tridiagonal matrix is left in `d` and `e` (its first unused). */
function* tridiagonalize(v: Float64Array, n: number, d: Float64Array, e: Float64Array): Generator<undefined, void> {
  for (let j = 0; j < n; j++) d[j] = v[j * n + n - 1];
  for (let i = n - 1; i > 0; i--) {
    yield;
    let scale = 0;
    let h = 0;
    for (let k = 0; k < i; k++) scale += Math.abs(d[k]);
    if (scale === 0) {
      e[i] = d[i - 1];
      for (let j = 0; j < i; j++) {
        d[j] = v[j * n + i - 1];
        v[j * n + i] = 0;
        v[i * n + j] = 0;
      }
    } else {
      for (let k = 0; k < i; k++) {
        d[k] /= scale;
        h += d[k] * d[k];
      }
      const f = d[i - 1];
      const g = f > 0 ? -Math.sqrt(h) : Math.sqrt(h);
      e[i] = scale * g;
      h -= f * g;
      d[i - 1] = f - g;
      e.fill(0, 0, i);
      for (let j = 0; j < i; j++) {
        const u = d[j];
        v[i * n + j] = u;
        let sum = e[j] + v[j * n + j] * u;
        for (let k = j + 1; k < i; k++) {
          const a = v[j * n + k];
          sum += a * d[k];
          e[k] += a * u;
        }
        e[j] = sum;
      }
      let dotted = 0;
      for (let j = 0; j < i; j++) {
        e[j] /= h;
        dotted += e[j] * d[j];
      }
      const half = dotted / (h + h);
      for (let j = 0; j < i; j++) e[j] -= half * d[j];
      for (let j = 0; j < i; j++) {
        const [u, w] = [d[j], e[j]];
        for (let k = j; k < i; k++) v[j * n + k] -= u * e[k] + w * d[k];
        d[j] = v[j * n + i - 1];
        v[j * n + i] = 0;
      }
    }
    d[i] = h;
  }
  for (let i = 0; i < n - 1; i++) {
    yield;
    v[i * n + n - 1] = v[i * n + i];
    v[i * n + i] = 1;
    const h = d[i + 1];
    const next = (i + 1) * n;
    if (h !== 0) {
      for (let k = 0; k <= i; k++) d[k] = v[next + k] / h;
      for (let j = 0; j <= i; j++) {
        let g = 0;
        for (let k = 0; k <= i; k++) g += v[next + k] * v[j * n + k];
        for (let k = 0; k <= i; k++) v[j * n + k] -= g * d[k];
      }
    }
    v.fill(0, next, next + i + 1);
  }
  for (let j = 0; j < n; j++) {
    d[j] = v[j * n + n - 1];
    v[j * n + n - 1] = 0;
  }
  v[n * n - 1] = 1;
  e[0] = 0;
}

/** Turns the columns of `v` until `d` holds the eigenvalues and `e` zeros. */
function* diagonalize(v: Float64Array, n: number, d: Float64Array, e: Float64Array): Generator<undefined, void> {
  e.copyWithin(0, 1);
  e[n - 1] = 0;
  let shifted = 0;
  let largest = 0;
  for (let l = 0; l < n; l++) {
    yield;
    largest = Math.max(largest, Math.abs(d[l]) + Math.abs(e[l]));
    let m = l;
    while (Math.abs(e[m]) > Number.EPSILON * largest) m++; // the last is 0
    if (m > l) {
      do {
        let g = d[l];
        let p = (d[l + 1] - g) / (2 * e[l]);
        let r = p < 0 ? -Math.hypot(p, 1) : Math.hypot(p, 1);
        d[l] = e[l] / (p + r);
        d[l + 1] = e[l] * (p + r);
        const next = d[l + 1];
        const shift = g - d[l];
        for (let i = l + 2; i < n; i++) d[i] -= shift;
        shifted += shift;
        p = d[m];
        let [c, before, earlier, s, last] = [1, 1, 1, 0, 0];
        const first = e[l + 1];
        for (let i = m - 1; i >= l; i--) {
          earlier = before;
          before = c;
          last = s;
          g = c * e[i];
          const h = c * p;
          r = Math.hypot(p, e[i]);
          e[i + 1] = s * r;
          s = e[i] / r;
          c = p / r;
          p = c * d[i] - s * g;
          d[i + 1] = h + s * (c * g + s * d[i]);
          rotate(v, i * n, n, c, s);
        }
        p = (-s * last * earlier * first * e[l]) / next;
        e[l] = s * p;
        d[l] = c * p;
      } while (Math.abs(e[l]) > Number.EPSILON * largest);
    }
    d[l] += shifted;
    e[l] = 0;
  }
}

/** Rotates two neighbouring columns of `n` numbers, the first at `at`. */
function rotate(v: Float64Array, at: number, n: number, c: number, s: number): void {
  for (let a = at, b = at + n; a < at + n; a++, b++) {
    const h = v[b];
    v[b] = s * v[a] + c * h;
    v[a] = c * v[a] - s * h;
  }
}

function sorted(v: Float64Array, n: number, d: Float64Array): Eigen {
  const order = Array.from(d.keys()).sort((a, b) => d[a] - d[b]);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    vectors.set(v.subarray(from * n, (from + 1) * n), to * n);
  });
  return { values: Float64Array.from(order, (i) => d[i]), vectors };
}
