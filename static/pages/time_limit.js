// A time limit for asking what is new: without one, a request that a dead network swallowed would hold up all further ones.
const LONGEST_ANSWER = 20000;

/** Return the `signal` of one fetch; none where the browser knows no such signals (Safari before 16). */
export function answerInTime() {
  return AbortSignal.timeout?.(LONGEST_ANSWER);
}
