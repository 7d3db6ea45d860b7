/** Turns of the event loop for a thread that computes by itself: in a turn it hears messages that wait. */

/** Between two turns: too short for anyone to notice, long beside what a turn costs. */
const TURN_MS = 20

/** Gives a turn whenever it is asked, unless the last one was a moment ago. */
export function turnsNowAndThen(): () => Promise<void> {
  let turnedMs = -Infinity
  return async () => {
    if (performance.now() - turnedMs < TURN_MS) return
    await turn()
    turnedMs = performance.now()
  }
}

/**
 * By a message to itself, which comes after those that wait. A timer would do, but browsers hold up timers
 * that follow each other by 4 ms, in which a small network trains for many steps.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
