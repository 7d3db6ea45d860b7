// Philox4x32-10 and Box-Muller as in src/random/philox.ts and streams.ts, which say where they come from.

fn multiplyHigh(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu;
  let aHigh = a >> 16u;
  let bLow = b & 0xffffu;
  let bHigh = b >> 16u;
  let middle = aHigh * bLow + ((aLow * bLow) >> 16u);
  let cross = (middle & 0xffffu) + aLow * bHigh;
  return aHigh * bHigh + (middle >> 16u) + (cross >> 16u);
}

fn philox(start: vec4u, startKey: vec2u) -> vec4u {
  var counter = start;
  var key = startKey;
  for (var round = 0u; round < 10u; round++) {
    counter = vec4u(
      multiplyHigh(0xcd9e8d57u, counter.z) ^ counter.y ^ key.x,
      0xcd9e8d57u * counter.z,
      multiplyHigh(0xd2511f53u, counter.x) ^ counter.w ^ key.y,
      0xd2511f53u * counter.x,
    );
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return counter;
}

// WGSL lets sin and cos be wrong by 2^-11 and log by 2^-21, so the noise would differ from adapter to
// adapter. These stay within a few units of the last place everywhere.

// ln(x) for x in (0, 1]: x = m * 2^e with m in [1/sqrt 2, sqrt 2), ln m = 2 artanh s with s = (m - 1) / (m +
// 1). The series is cut at s^11, |s| <= 0.1716: an error below 4e-10.
fn naturalLog(x: f32) -> f32 {
  let parts = frexp(x);
  let low = parts.fract < 0.70710678;
  let m = select(parts.fract, 2.0 * parts.fract, low);
  let e = f32(select(parts.exp, parts.exp - 1, low));
  let s = (m - 1.0) / (m + 1.0);
  let s2 = s * s;
  let series = 1.0 + s2 * (1.0 / 3.0 + s2 * (1.0 / 5.0 + s2 * (1.0 / 7.0 + s2 * (1.0 / 9.0))));
  return e * 0.69314718 + 2.0 * s * series;
}

// (cos 2 pi t, sin 2 pi t) for t in [0, 1): t is reduced to the nearest quarter turn, then Taylor series on
// [-pi/4, pi/4], errors below 2e-9.
fn cosSin(t: f32) -> vec2f {
  let quarter = round(4.0 * t);
  let y = (4.0 * t - quarter) * 1.57079633;
  let y2 = y * y;
  let s = y * (1.0 - y2 / 6.0 * (1.0 - y2 / 20.0 * (1.0 - y2 / 42.0 * (1.0 - y2 / 72.0))));
  let c = 1.0 - y2 / 2.0 * (1.0 - y2 / 12.0 * (1.0 - y2 / 30.0 * (1.0 - y2 / 56.0 * (1.0 - y2 / 90.0))));
  switch u32(quarter) % 4u {
    case 1u: { return vec2f(-s, c); }
    case 2u: { return vec2f(-c, -s); }
    case 3u: { return vec2f(s, -c); }
    default: { return vec2f(c, s); }
  }
}

fn boxMuller(first: u32, second: u32) -> vec2f {
  let u = f32((first >> 8u) + 1u) / 16777216.0;
  let t = f32(second >> 8u) / 16777216.0;
  return sqrt(-2.0 * naturalLog(u)) * cosSin(t);
}

const STREAM_NOISE = 3u;

// Standard normal numbers of columns 4 quad ... 4 quad + 3 of a row.
fn rowNoise(quad: u32, row: u32, epoch: u32, seed: u32) -> vec4f {
  let words = philox(vec4u(quad, row, epoch, 0u), vec2u(seed, STREAM_NOISE));
  return vec4f(boxMuller(words.x, words.y), boxMuller(words.z, words.w));
}
