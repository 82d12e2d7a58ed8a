use proptest::prelude::*;

use super::*;

/// Inflates a whole message fed in pieces of `piece` bytes, with at most
/// `limit` bytes of output a step.
fn inflate_in_pieces(
    inflater: &mut Inflater,
    compressed: &[u8],
    piece: usize,
    limit: usize,
) -> Result<Vec<u8>, DeflateError> {
    let mut message = Vec::new();
    for mut input in compressed.chunks(piece) {
        loop {
            let mut output = Vec::new();
            let taken = inflater.inflate(input, &mut output, limit)?;
            input = &input[taken..];
            message.extend_from_slice(&output);
            if output.len() < limit {
                assert!(input.is_empty());
                break;
            }
        }
    }
    inflater.finish()?;
    Ok(message)
}

fn inflate(inflater: &mut Inflater, compressed: &[u8]) -> Result<Vec<u8>, DeflateError> {
    inflate_in_pieces(inflater, compressed, usize::MAX, 1 << 16)
}

fn pair(params: &Params) -> (Deflater, Inflater) {
    (
        Deflater::new(params, Role::Client),
        Inflater::new(params, Role::Server),
    )
}

/// RFC 7692 §7.2.3: examples of "Hello".
#[test]
fn the_examples_of_the_rfc_inflate() {
    for compressed in [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        // A block without compression.
        &[
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ],
        // A block with BFINAL, with and without the octet after it.
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        // Two blocks.
        &[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ],
    ] {
        for piece in 1..=compressed.len() {
            for limit in [1, 2, 5, 6, 100] {
                let mut inflater = Inflater::new(&Params::default(), Role::Client);
                // Twice, since what one message leaves behind shows in the next.
                for _ in 0..2 {
                    let message = inflate_in_pieces(&mut inflater, compressed, piece, limit);
                    assert_eq!(message.as_deref(), Ok(&b"Hello"[..]));
                }
            }
        }
    }
}

/// RFC 7692 §7.2.3.2: the second "Hello" refers to the first.
#[test]
fn a_message_may_refer_to_the_one_before() {
    let mut inflater = Inflater::new(&Params::default(), Role::Client);
    let first = inflate(&mut inflater, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    assert_eq!(first.as_deref(), Ok(&b"Hello"[..]));
    let second = inflate(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00]);
    assert_eq!(second.as_deref(), Ok(&b"Hello"[..]));
}

#[test]
fn without_takeover_a_reference_to_the_message_before_is_corrupt() {
    let params = Params {
        server_no_context_takeover: true,
        ..Params::default()
    };
    let mut inflater = Inflater::new(&params, Role::Client);
    let first = inflate(&mut inflater, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    assert_eq!(first.as_deref(), Ok(&b"Hello"[..]));
    let second = inflate(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00]);
    assert_eq!(second, Err(DeflateError::Corrupt));
}

#[test]
fn empty_messages_leave_the_context_intact() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let mut inflater = Inflater::new(&Params::default(), Role::Client);
    for (compressed, expected) in [
        (&[][..], &b""[..]),
        (&[0x00], b""),
        (&hello, b"Hello"),
        (&[0x00], b""),
        (&[], b""),
        (&again, b"Hello"),
    ] {
        assert_eq!(
            inflate(&mut inflater, compressed).as_deref(),
            Ok(expected),
            "{compressed:x?}"
        );
    }
}

#[test]
fn a_final_block_in_the_middle_begins_a_new_stream() {
    let mut inflater = Inflater::new(&Params::default(), Role::Client);
    let compressed = [
        0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, // "Hello", final
        0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, // once more
        0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, // not final
    ];
    for piece in 1..=compressed.len() {
        let message = inflate_in_pieces(&mut inflater, &compressed, piece, 7);
        assert_eq!(message.as_deref(), Ok(&b"HelloHelloHello"[..]));
    }
}

#[test]
fn garbage_is_corrupt() {
    for garbage in [&[0xff; 8][..], &[0x07], &[0x01, 0x05, 0x00, 0x05, 0x00]] {
        let mut inflater = Inflater::new(&Params::default(), Role::Client);
        assert_eq!(inflate(&mut inflater, garbage), Err(DeflateError::Corrupt));
    }
}

/// A message that is cut is none, wherever that is: in a block without
/// compression, in one with the usual codes, and in one with codes of its own.
#[test]
fn a_message_that_ends_in_the_middle_of_a_block_is_cut() {
    let text: String = (0..400).map(|n| format!("{{\"n\":{},", n * n)).collect();
    for takes_over in [true, false] {
        let params = Params {
            client_no_context_takeover: !takes_over,
            ..Params::default()
        };
        for payload in [&b"Hello, Hello, Hello"[..], text.as_bytes()] {
            let (mut deflater, _) = pair(&params);
            let whole = deflater.compress(payload).expect("it is long enough");
            for length in 1..whole.len() {
                let (_, mut inflater) = pair(&params);
                let found = inflate(&mut inflater, &whole[..length]);
                assert!(found.is_err(), "{length} of {}: {found:?}", whole.len());
            }
        }
        let (_, mut inflater) = pair(&params);
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65];
        assert_eq!(inflate(&mut inflater, &stored), Err(DeflateError::Cut));
    }
}

/// What a zlib of this level makes of the payload, by this flush; the tail
/// is kept.
fn flushed(stream: &mut Compress, payload: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut output = Vec::with_capacity(2 * payload.len() + 1024);
    stream.compress_vec(payload, &mut output, flush).unwrap();
    assert!(output.len() < output.capacity());
    output
}

/// RFC 7692 §7.2.1 has the sender remove the tail; who does not is read all the same.
#[test]
fn a_tail_that_was_left_on_the_message_is_no_cut() {
    let mut tail_as_data = b"some data, then ".to_vec();
    tail_as_data.extend(TAIL);
    let payloads = [
        &b"Hello, Hello"[..],
        b"",
        &tail_as_data,
        &[0xff; 300],
        &TAIL,
    ];
    for level in 0..=9 {
        for piece in 1..20 {
            let mut stream = Compress::new(Compression::new(level), false);
            let mut inflater = Inflater::new(&Params::default(), Role::Client);
            // The messages after it have the right context.
            for (number, payload) in payloads.iter().cycle().take(15).enumerate() {
                let flush = [FlushCompress::Sync, FlushCompress::Full][number % 2];
                let before = stream.total_in();
                let mut message = flushed(&mut stream, payload, flush);
                assert_eq!(stream.total_in() - before, payload.len() as u64);
                // zlib flushes nothing twice.
                if message.is_empty() {
                    continue;
                }
                assert!(message.ends_with(&TAIL));
                if number % 3 == 0 {
                    message.truncate(message.len() - TAIL.len());
                }
                let found = inflate_in_pieces(&mut inflater, &message, piece, 7);
                assert_eq!(found.as_deref(), Ok(*payload), "{level} {piece} {number}");
            }
        }
    }
}

#[test]
fn data_that_looks_like_a_tail_does_not_hide_a_cut() {
    // Without compression, cut behind data that is what a tail is.
    let mut block = vec![0x00, 0x06, 0x00, 0xf9, 0xff, b'a', b'b'];
    block.extend(TAIL);
    for piece in 1..=block.len() {
        for limit in [1, 2, 3, 100] {
            let mut inflater = Inflater::new(&Params::default(), Role::Client);
            let found = inflate_in_pieces(&mut inflater, &block, piece, limit);
            assert_eq!(found, Err(DeflateError::Cut), "{piece} {limit}");
        }
    }
    // As the last block of a stream it is whole.
    if let Some(first) = block.first_mut() {
        *first = 0x01;
    }
    let mut inflater = Inflater::new(&Params::default(), Role::Client);
    assert_eq!(
        inflate(&mut inflater, &block),
        Ok(b"ab\0\0\xff\xff".to_vec())
    );
}

#[test]
fn a_bomb_comes_in_bounded_steps() {
    let (mut deflater, mut inflater) = pair(&Params::default());
    let compressed = deflater
        .compress(&vec![0; 8 << 20])
        .expect("it is long enough");
    assert!(compressed.len() < 64 << 10);
    let mut output = Vec::new();
    let limit = 64 << 10;
    inflater
        .inflate(&compressed, &mut output, limit)
        .expect("it is valid");
    assert_eq!(output.len(), limit);
    assert!(output.capacity() <= limit + MIN_OUTPUT_BYTES);
}

#[test]
fn small_messages_and_a_window_of_8_go_out_uncompressed() {
    let (mut deflater, _) = pair(&Params::default());
    assert_eq!(deflater.compress(&[]), None);
    assert_eq!(deflater.compress(&[b'a'; MIN_COMPRESSED_BYTES - 1]), None);
    assert!(deflater.compress(&[b'a'; MIN_COMPRESSED_BYTES]).is_some());
    let (mut deflater, _) = pair(&Params {
        client_max_window_bits: 8,
        ..Params::default()
    });
    assert_eq!(deflater.compress(&[b'a'; 1000]), None);
}

#[test]
fn a_repeated_message_shrinks_only_with_takeover() {
    let message: Vec<u8> = (0..200u8).collect();
    for (no_takeover, smaller) in [(false, true), (true, false)] {
        let (mut deflater, _) = pair(&Params {
            client_no_context_takeover: no_takeover,
            ..Params::default()
        });
        let first = deflater.compress(&message).expect("it is long enough");
        let second = deflater.compress(&message).expect("it is long enough");
        assert_eq!(second.len() < first.len(), smaller);
    }
}

/// Payloads of runs and noise, some of which outgrow a small window.
fn payloads() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2000),
        (proptest::collection::vec(any::<u8>(), 1..40), 1..400usize)
            .prop_map(|(run, times)| run.repeat(times)),
    ]
}

proptest! {
    #[test]
    fn what_is_deflated_inflates(
        messages in proptest::collection::vec(payloads(), 1..5),
        bits in 9u8..=15,
        no_takeover: bool,
        piece in 1..5000usize,
        limit in 1..5000usize,
    ) {
        let (mut deflater, mut inflater) = pair(&Params {
            client_max_window_bits: bits,
            client_no_context_takeover: no_takeover,
            ..Params::default()
        });
        for message in messages {
            if let Some(compressed) = deflater.compress(&message) {
                let inflated = inflate_in_pieces(&mut inflater, &compressed, piece, limit);
                prop_assert_eq!(inflated, Ok(message));
            }
        }
    }

    /// However it was compressed: whole it is read, cut it is not read as whole.
    #[test]
    fn a_whole_message_is_read_and_one_cut_anywhere_is_not(
        payload in payloads(),
        level in 0u32..=9,
        ending in 0..3usize,
        piece in 1..5000usize,
        limit in 1..5000usize,
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut stream = Compress::new(Compression::new(level), false);
        let flush = [FlushCompress::Sync, FlushCompress::Full, FlushCompress::Finish][ending];
        let whole = flushed(&mut stream, &payload, flush);
        let is_final = flush == FlushCompress::Finish;
        // Without its tail it is whole too.
        let least = if is_final { whole.len() } else { whole.len() - TAIL.len() };
        for end in [least, whole.len()] {
            let mut inflater = Inflater::new(&Params::default(), Role::Client);
            let found = inflate_in_pieces(&mut inflater, &whole[..end], piece, limit);
            prop_assert_eq!(found.as_deref(), Ok(&payload[..]));
        }
        let end = cut.index(least);
        // One byte of zero is an empty message (RFC 7692 §7.2.3.6), and may be the
        // beginning of a stored one.
        if end > 0 && whole[..end] != [0] {
            let mut inflater = Inflater::new(&Params::default(), Role::Client);
            if let Ok(found) = inflate_in_pieces(&mut inflater, &whole[..end], piece, limit) {
                prop_assert_eq!(found, payload, "cut to {} of {}", end, whole.len());
            }
        }
    }

    #[test]
    fn arbitrary_data_ends_within_its_bounds(
        garbage in proptest::collection::vec(any::<u8>(), 0..200),
        piece in 1..50usize,
    ) {
        let mut inflater = Inflater::new(&Params::default(), Role::Server);
        if let Ok(message) = inflate_in_pieces(&mut inflater, &garbage, piece, 1000) {
            // DEFLATE cannot expand by more than 1032 to 1.
            prop_assert!(message.len() <= 1032 * (garbage.len() + TAIL.len()));
        }
    }
}
