//! The masking of payloads (RFC 6455 §5.3).

/// Masks `payload` with `key`, or unmasks it: the two are the same. The
/// payload's first byte meets the key's first byte.
pub(crate) fn apply(payload: &mut [u8], key: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// Appends `payload`, masked with `key`. Cheaper than to append it and mask it
/// where it is, which reads what has hardly been written.
pub(crate) fn append(out: &mut Vec<u8>, payload: &[u8], key: [u8; 4]) {
    let start = out.len();
    out.resize(start + payload.len(), 0);
    let (words, rest) = out
        .get_mut(start..)
        .unwrap_or_default()
        .as_chunks_mut::<4>();
    let (payload_words, payload_rest) = payload.as_chunks::<4>();
    for (word, payload) in words.iter_mut().zip(payload_words) {
        *word = (u32::from_ne_bytes(*payload) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for ((byte, payload), key) in rest.iter_mut().zip(payload_rest).zip(key) {
        *byte = payload ^ key;
    }
}

/// The key for what comes `len` bytes later.
pub(crate) fn rotated(mut key: [u8; 4], len: usize) -> [u8; 4] {
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
            prop_assert_eq!(&masked, &expected);
            let mut appended = b"before".to_vec();
            append(&mut appended, &expected, key);
            apply(&mut masked, key);
            prop_assert_eq!(appended, [&b"before"[..], &masked].concat());
        }
    }
}
