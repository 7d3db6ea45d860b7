// The same as matmul-tiled.wgsl, without shared memory: for software adapters, where a barrier costs more than the
// loads it saves (a quarter of the tiled kernel's time on SwiftShader).
override WORKGROUP_COLUMNS: u32;
override WORKGROUP_ROWS: u32;

@compute @workgroup_size(WORKGROUP_COLUMNS, WORKGROUP_ROWS)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = shape();
  let firstRow = 4u * id.y;
  let firstColumn = 4u * id.x;
  if (firstRow >= size.x || firstColumn >= size.y) { return; }
  // Beyond the edge the last row and column are computed again and dropped: no branch in the inner loop.
  let row = min(vec4u(firstRow) + vec4u(0u, 1u, 2u, 3u), vec4u(size.x - 1u));
  let column = min(vec4u(firstColumn) + vec4u(0u, 1u, 2u, 3u), vec4u(size.y - 1u));
  var sums: array<vec4f, 4>;

  for (var k = 0u; k < size.z; k++) {
    let b = vec4f(loadB(k, column.x), loadB(k, column.y), loadB(k, column.z), loadB(k, column.w));
    sums[0] += loadA(row.x, k) * b;
    sums[1] += loadA(row.y, k) * b;
    sums[2] += loadA(row.z, k) * b;
    sums[3] += loadA(row.w, k) * b;
  }

  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      if (firstRow + r < size.x && firstColumn + c < size.y) {
        finish(firstRow + r, firstColumn + c, sums[r][c]);
      }
    }
  }
}
