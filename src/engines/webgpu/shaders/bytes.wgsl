// Byte `index` of an array of bytes that is bound as little-endian words, as the network sees it: value / 255.
fn unitByte(word: u32, index: u32) -> f32 {
  return f32(extractBits(word, 8u * (index % 4u), 8u)) / 255.0;
}
