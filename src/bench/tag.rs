//! The mark that a generated payload begins with, by which its reply is known.
//!
//! ```text
//! 16 bytes and more   0000002aq3JTAAAB…   the number in hexadecimal, then the
//!                     number  run  conn   run and the connection
//! 8 to 15 bytes       7hT_0bQx…           connection and number under the
//!                                         run's key
//! ```
//!
//! So a message of another connection, which a chat server hands on, is not
//! taken for a reply; nor is a text that only looks like a number.

/// The length of the longest mark, in bytes.
pub(super) const TAG_BYTES: usize = 16;

/// Half of it: the number, or the run and the connection.
pub(super) const HALF_BYTES: usize = 8;

/// Six bits in each of the eight characters of a half.
const HALF_BITS: u64 = (1 << 48) - 1;

/// Bits of the number in the short mark; the connection has the other 20.
const SHORT_NUMBER_BITS: u32 = 28;

const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The value of each character; 64 for what is none.
const VALUES: [u8; 256] = {
    let mut values = [64; 256];
    let mut value = 0;
    while value < 64 {
        values[CHARACTERS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// Which mark payloads have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tagging {
    /// They have no room for one, or are not ours to choose.
    None,
    Short,
    Full,
}

/// How the payloads of a run are marked.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunTag {
    pub(super) tagging: Tagging,
    key: u64,
    connections: u64,
}

/// What a payload's beginning says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tagged {
    /// It is a message of this connection: its number's last bits, and how
    /// many these are.
    Ours(u32, u32),
    /// It is a message of another connection of this run.
    Foreign,
    /// It has no mark of this run.
    None,
}

impl RunTag {
    pub(super) fn new(tagging: Tagging, key: u64, connections: usize) -> Self {
        Self {
            tagging,
            key: key & HALF_BITS,
            connections: connections as u64,
        }
    }

    /// What the full marks of a connection have in common.
    pub(super) fn mark(&self, connection: u64) -> [u8; HALF_BYTES] {
        encode(self.run() | connection & 0xff_ffff)
    }

    fn run(&self) -> u64 {
        self.key & 0xffff_ff00_0000
    }

    /// The mark of a message, of which so many bytes count.
    #[inline(always)]
    pub(super) fn head(
        &self,
        connection: u64,
        mark: [u8; HALF_BYTES],
        number: u64,
    ) -> ([u8; TAG_BYTES], usize) {
        let mut head = [0; TAG_BYTES];
        let (first, second) = head.split_at_mut(HALF_BYTES);
        match self.tagging {
            Tagging::None => (head, 0),
            Tagging::Short => {
                let number = number & ((1 << SHORT_NUMBER_BITS) - 1);
                let value = (connection << SHORT_NUMBER_BITS | number) & HALF_BITS;
                first.copy_from_slice(&encode(value ^ self.key));
                (head, HALF_BYTES)
            }
            Tagging::Full => {
                first.copy_from_slice(&number_head(number));
                second.copy_from_slice(&mark);
                (head, TAG_BYTES)
            }
        }
    }

    /// Whether what came begins with the full mark of this very message: in
    /// nearly all cases the oldest one's, which costs less than to read it.
    #[inline(always)]
    pub(super) fn is(&self, mark: [u8; HALF_BYTES], head: &[u8], number: u64) -> bool {
        match head.split_first_chunk::<HALF_BYTES>() {
            Some((first, rest)) if self.tagging == Tagging::Full => {
                rest == mark && *first == number_head(number)
            }
            _ => false,
        }
    }

    /// Reads the mark of what came on a connection.
    #[inline(always)]
    pub(super) fn read(&self, connection: u64, mark: [u8; HALF_BYTES], head: &[u8]) -> Tagged {
        match self.tagging {
            Tagging::None => Tagged::None,
            Tagging::Short => self.read_short(connection, head),
            Tagging::Full => {
                let Some((number, rest)) = head.split_first_chunk::<HALF_BYTES>() else {
                    return Tagged::None;
                };
                let Some(number) = parse_head(number) else {
                    return Tagged::None;
                };
                if rest == mark {
                    return Tagged::Ours(number, u32::BITS);
                }
                self.foreign(rest)
            }
        }
    }

    fn foreign(&self, half: &[u8]) -> Tagged {
        match decode(half) {
            Some(value) if value & !0xff_ffff == self.run() => Tagged::Foreign,
            _ => Tagged::None,
        }
    }

    fn read_short(&self, connection: u64, head: &[u8]) -> Tagged {
        let Some(value) = head.get(..HALF_BYTES).and_then(decode) else {
            return Tagged::None;
        };
        let value = value ^ self.key;
        let from = value >> SHORT_NUMBER_BITS;
        if from == connection & 0xf_ffff {
            let number = value & ((1 << SHORT_NUMBER_BITS) - 1);
            // It has no more bits than these.
            return Tagged::Ours(u32::try_from(number).unwrap_or(0), SHORT_NUMBER_BITS);
        }
        match from < self.connections {
            true => Tagged::Foreign,
            false => Tagged::None,
        }
    }
}

fn encode(value: u64) -> [u8; HALF_BYTES] {
    let mut shift = 48;
    [0; HALF_BYTES].map(|_: u8| {
        shift -= 6;
        CHARACTERS[usize::try_from(value >> shift & 63).unwrap_or(0)]
    })
}

fn decode(half: &[u8]) -> Option<u64> {
    let half: [u8; HALF_BYTES] = half.try_into().ok()?;
    let mut value = 0;
    for character in half {
        let six = VALUES[usize::from(character)];
        if six == 64 {
            return None;
        }
        value = value << 6 | u64::from(six);
    }
    Some(value)
}

/// A message's number (its last 32 bits) as eight hexadecimal digits: all
/// eight at once, each in a byte of one integer.
#[inline(always)]
fn number_head(number: u64) -> [u8; HALF_BYTES] {
    let mut nibbles = number & 0xffff_ffff;
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (nibbles + EACH * 6) >> 4 & EACH;
    let to_letter = u64::from(b'a' - b'0' - 10);
    (nibbles + EACH * u64::from(b'0') + letters * to_letter).to_be_bytes()
}

/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The number that a payload begins with, if it does.
#[inline(always)]
pub(super) fn parse_head(head: &[u8; HALF_BYTES]) -> Option<u32> {
    let digits = u64::from_be_bytes(*head);
    let letters = digits >> 6 & EACH;
    let mut number = (digits & (EACH * 15)) + letters * 9;
    number = (number | number >> 4) & 0x00ff_00ff_00ff_00ff;
    number = (number | number >> 8) & 0x0000_ffff_0000_ffff;
    number = (number | number >> 16) & 0xffff_ffff;
    // What is no digit comes out as another number's head.
    (number_head(number) == *head).then(|| u32::try_from(number).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn heads_are_lower_case_hexadecimal(number in any::<u32>(), other in any::<[u8; 8]>()) {
            let head = number_head(u64::from(number) | 7 << 40);
            let expected = format!("{number:08x}");
            prop_assert_eq!(&head[..], expected.as_bytes());
            prop_assert_eq!(parse_head(&head), Some(number));
            for at in 0..8 {
                let mut changed = head;
                changed[at] = other[at];
                let digits = changed.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f'));
                let text = std::str::from_utf8(&changed).ok().filter(|_| digits);
                let expected = text.and_then(|text| u32::from_str_radix(text, 16).ok());
                prop_assert_eq!(parse_head(&changed), expected);
            }
        }
    }

    proptest! {
        #[test]
        fn a_payload_is_known_on_its_connection_and_foreign_on_others(
            key in any::<u64>(),
            number in any::<u32>(),
            connection in 0_u64..1000,
            other in 0_u64..1000,
            full in any::<bool>(),
            noise in "[0-9a-zA-Z]{16}",
        ) {
            let tagging = if full { Tagging::Full } else { Tagging::Short };
            let run = RunTag::new(tagging, key, 1000);
            let (head, len) = run.head(connection, run.mark(connection), u64::from(number));
            let head = &head[..len];
            prop_assert!(std::str::from_utf8(head).is_ok());
            let bits = if full { 32 } else { 28 };
            let low = u32::try_from(u64::from(number) & ((1 << bits) - 1)).unwrap();
            let ours = run.read(connection, run.mark(connection), head);
            prop_assert_eq!(ours, Tagged::Ours(low, bits));
            let there = run.read(other, run.mark(other), head);
            prop_assert_eq!(there == Tagged::Foreign, connection != other);
            // Another run's payload is not ours: nearly always in the short form.
            let another = RunTag::new(tagging, key ^ 0x5a5a_5a5a_5a5a, 1000);
            if full {
                let found = another.read(connection, another.mark(connection), head);
                prop_assert_eq!(found, Tagged::None);
                let found = run.read(connection, run.mark(connection), noise.as_bytes());
                prop_assert_eq!(found, Tagged::None);
            }
        }
    }

    #[test]
    fn text_that_looks_like_a_number_carries_no_tag() {
        let run = RunTag::new(Tagging::Full, 7, 10);
        for text in ["00000001", "0000000100000001", "00000001\u{fffd}", ""] {
            let found = run.read(1, run.mark(1), text.as_bytes());
            assert_eq!(found, Tagged::None, "{text}");
        }
    }
}
