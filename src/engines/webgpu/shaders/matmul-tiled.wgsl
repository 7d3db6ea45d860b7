// sum(row, column) = Σ_k loadA(row, k) · loadB(k, column), k ascending; each sum goes to `finish`. For real GPUs: a
// workgroup shares tiles of A and B. The pass that is appended defines
//   shape() -> vec3u            rows, columns, depth
//   loadA(row, k), loadB(k, column) -> f32, called inside the shape only
//   finish(row, column, sum)    called once for each element inside the shape
//   A_DEPTH_FIRST, B_DEPTH_FIRST  whether k is the fast index of the operand in memory
override WORKGROUP_COLUMNS: u32;
override WORKGROUP_ROWS: u32;
const TILE_DEPTH = 16u;

// A vec4f holds four neighbouring rows of A (columns of B) at one k: what one thread needs for its 4 × 4 block.
var<workgroup> tileA: array<vec4f, TILE_DEPTH * WORKGROUP_ROWS>;
var<workgroup> tileB: array<vec4f, TILE_DEPTH * WORKGROUP_COLUMNS>;

// (k, quad) of element `index` of a tile, such that neighbouring threads read neighbouring memory.
fn place(index: u32, quads: u32, depthFirst: bool) -> vec2u {
  if (depthFirst) { return vec2u(index % TILE_DEPTH, index / TILE_DEPTH); }
  return vec2u(index / quads, index % quads);
}

@compute @workgroup_size(WORKGROUP_COLUMNS, WORKGROUP_ROWS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let size = shape();
  let groupRow = group.y * WORKGROUP_ROWS * 4u;
  let groupColumn = group.x * WORKGROUP_COLUMNS * 4u;
  let threads = WORKGROUP_ROWS * WORKGROUP_COLUMNS;
  var sums: array<vec4f, 4>;

  for (var start = 0u; start < size.z; start += TILE_DEPTH) {
    for (var i = thread; i < TILE_DEPTH * WORKGROUP_ROWS; i += threads) {
      let at = place(i, WORKGROUP_ROWS, A_DEPTH_FIRST);
      let k = start + at.x;
      var quad = vec4f();
      for (var r = 0u; r < 4u; r++) {
        let row = groupRow + 4u * at.y + r;
        if (k < size.z && row < size.x) { quad[r] = loadA(row, k); }
      }
      tileA[at.x * WORKGROUP_ROWS + at.y] = quad;
    }
    for (var i = thread; i < TILE_DEPTH * WORKGROUP_COLUMNS; i += threads) {
      let at = place(i, WORKGROUP_COLUMNS, B_DEPTH_FIRST);
      let k = start + at.x;
      var quad = vec4f();
      for (var c = 0u; c < 4u; c++) {
        let column = groupColumn + 4u * at.y + c;
        if (k < size.z && column < size.y) { quad[c] = loadB(k, column); }
      }
      tileB[at.x * WORKGROUP_COLUMNS + at.y] = quad;
    }
    workgroupBarrier();
    for (var k = 0u; k < TILE_DEPTH; k++) {
      let a = tileA[k * WORKGROUP_ROWS + local.y];
      let b = tileB[k * WORKGROUP_COLUMNS + local.x];
      sums[0] += a.x * b;
      sums[1] += a.y * b;
      sums[2] += a.z * b;
      sums[3] += a.w * b;
    }
    workgroupBarrier();
  }

  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let row = groupRow + 4u * local.y + r;
      let column = groupColumn + 4u * local.x + c;
      if (row < size.x && column < size.y) { finish(row, column, sums[r][c]); }
    }
  }
}
