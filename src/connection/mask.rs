//! The masking of payloads (RFC 6455 §5.3).

/// Masks `payload` with `key`, or unmasks it: the two are the same. The
/// payload's first byte meets the key's first byte.
pub fn apply(payload: &mut [u8], key: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// The key for what comes `len` bytes later.
pub fn rotated(mut key: [u8; 4], len: usize) -> [u8; 4] {
    key.rotate_left(len % 4);
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_byte_meets_its_part_of_the_key(
            payload in proptest::collection::vec(any::<u8>(), 0..200),
            key in any::<[u8; 4]>(),
            at in 0_usize..200,
        ) {
            let expected: Vec<u8> =
                payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            let mut masked = payload;
            let at = at.min(masked.len());
            let (front, back) = masked.split_at_mut(at);
            apply(front, key);
            apply(back, rotated(key, at));
            prop_assert_eq!(masked, expected);
        }
    }
}
