// Two layers in one pass, around a narrow one, forward or backward: a workgroup takes four rows from the wide
// layer on one side through the narrow one to the wide layer on the other, and what lies between stays in its
// memory. The pieces chain-forward.wgsl and chain-backward.wgsl define
//   weightsInto(quad, unit)   weights of a quad of terms of a unit of the narrow layer
//   middleOf(sums, unit, rows)  its values in four rows, from the sums
//   weightsFrom(quad, middle)   from a quad of its units, as columns, to a quad of the result's columns
const THREADS = 256u;
const CHAIN_ROWS = 4u;
const MIDDLE = $MIDDLEu;
const MIDDLE_QUADS = MIDDLE / QUAD + 1u;
// A unit of the narrow layer is summed by LANES threads, its terms dealt out to them.
const LANES = 16u;
const UNITS = THREADS / LANES;

// Four rows in each vec4f.
var<workgroup> parts: array<vec4f, THREADS>;
var<workgroup> middle: array<vec4f, MIDDLE_QUADS * QUAD>;

fn inBase(row: u32) -> u32 { return $IN_BASE; }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let firstRow = group.x * CHAIN_ROWS;
  let rows = min(vec4u(firstRow) + vec4u(0u, 1u, 2u, 3u), vec4u(step.rows - 1u));
  let bases = vec4u(inBase(rows.x), inBase(rows.y), inBase(rows.z), inBase(rows.w));
  let lane = thread % LANES;

  for (var first = 0u; first < MIDDLE_QUADS * QUAD; first += UNITS) {
    let unit = first + thread / LANES;
    var sums = vec4f();
    for (var quad = lane; quad < $IN_QUADSu; quad += LANES) {
      let w = weightsInto(quad, min(unit, MIDDLE - 1u));
      sums += vec4f(dot(w, scratch[bases.x + quad]), dot(w, scratch[bases.y + quad]),
        dot(w, scratch[bases.z + quad]), dot(w, scratch[bases.w + quad]));
    }
    parts[thread] = sums;
    workgroupBarrier();
    if (lane == 0u && unit < MIDDLE_QUADS * QUAD) {
      sums = vec4f();
      for (var i = 0u; i < LANES; i++) { sums += parts[thread + i]; }
      let after = select(0.0, $AFTER, unit == MIDDLE);
      var values = vec4f(after);
      if (unit < MIDDLE) { values = middleOf(sums, unit, rows); }
      middle[unit] = values;
    }
    workgroupBarrier();
  }

  // For the weight gradients.
  for (var i = thread; i < CHAIN_ROWS * MIDDLE_QUADS; i += THREADS) {
    let r = i / MIDDLE_QUADS;
    let row = firstRow + r;
    let quad = i % MIDDLE_QUADS;
    let c = QUAD * quad;
    let values = vec4f(middle[c][r], middle[c + 1u][r], middle[c + 2u][r], middle[c + 3u][r]);
    if (row < step.rows) { scratch[$MIDDLE_BASE + quad] = values; }
  }

  for (var quad = thread; quad < $OUT_QUADSu; quad += THREADS) {
    // As columns: the sums of the four rows.
    var sums = mat4x4f();
    for (var q = 0u; q < MIDDLE_QUADS; q++) {
      let c = QUAD * q;
      let units = mat4x4f(middle[c], middle[c + 1u], middle[c + 2u], middle[c + 3u]);
      sums += weightsFrom(quad, q) * transpose(units);
    }
    finish$JOB(firstRow, quad, sums[0]);
    if (firstRow + 1u < step.rows) { finish$JOB(firstRow + 1u, quad, sums[1]); }
    if (firstRow + 2u < step.rows) { finish$JOB(firstRow + 2u, quad, sums[2]); }
    if (firstRow + 3u < step.rows) { finish$JOB(firstRow + 3u, quad, sums[3]); }
  }
}
