/**
 * How much memory a worker needs: whoever uses scratch says so beside its own code, and here the most of it
 * is found.
 */
import { ARRANGE_SCRATCH } from './operands/arrange'
import { CODES_SCRATCH, gatherScratch } from './operands/gather'
import { PAIRING_SCRATCH } from './operands/pairing'
import { DENSE_SCRATCH, SAMPLED_SCRATCH } from './phases/backward'
import { FORWARD_SCRATCH, logitsScratch } from './phases/forward'
import { UPDATE_SCRATCH } from './phases/update'
import { Job, layerAt } from './plan/structures'
import { WORKER_BYTES, Worker } from './plan/worker'
import { RANDOM_SCRATCH } from './random'

/** Bytes of a worker's region for a network of `inputs` inputs whose widest layer has `widest` outputs. */
export function workerBytes(inputs: i32, widest: i32): usize {
  let most = max(FORWARD_SCRATCH, logitsScratch(widest))
  most = max(most, max(DENSE_SCRATCH, SAMPLED_SCRATCH))
  most = max(most, UPDATE_SCRATCH)
  most = max(most, max(gatherScratch(inputs), CODES_SCRATCH))
  most = max(most, PAIRING_SCRATCH)
  // Of the first worker's scratch, the host's between two jobs.
  most = max(most, max(ARRANGE_SCRATCH, RANDOM_SCRATCH))
  return WORKER_BYTES + most
}

/** Stops where the host reserved less than this job needs, or a structure has outgrown its place. */
export function checkWorker(job: Job): void {
  let widest = 0
  for (let index = 0; index < job.layerCount; index++) widest = max(widest, layerAt(job, index).outputs)
  const needed = workerBytes(layerAt(job, 0).inputs, widest)
  if (<usize>job.workerBytes < needed || offsetof<Worker>() > WORKER_BYTES) unreachable()
}
