//! Whether text that comes in pieces is UTF-8. A leaf.

/// Whether a whole text is UTF-8 (RFC 3629). Nearly all text is ASCII, which is
/// known sooner.
#[inline]
pub(super) fn is_text(text: &[u8]) -> bool {
    text.is_ascii() || std::str::from_utf8(text).is_ok()
}

/// The longest character but one byte: what a piece may end with.
const MAX_BEGUN: usize = 3;

/// The state between two pieces of one text: a character that has begun.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    begun: [u8; MAX_BEGUN + 1],
    len: usize,
}

impl Utf8 {
    /// Takes a piece, which may be the last one of its text; whether the text can
    /// still be UTF-8, and is, where this was the last.
    pub(super) fn takes(&mut self, mut piece: &[u8], last: bool) -> bool {
        while self.len > 0
            && let Some((byte, rest)) = piece.split_first()
        {
            piece = rest;
            let Some(place) = self.begun.get_mut(self.len) else {
                return false;
            };
            *place = *byte;
            self.len += 1;
            match std::str::from_utf8(self.begun.get(..self.len).unwrap_or_default()) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        if piece.is_ascii() {
            return !last || self.len == 0;
        }
        match std::str::from_utf8(piece) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() || last => false,
            Err(error) => {
                let begun = piece.get(error.valid_up_to()..).unwrap_or_default();
                self.len = begun.len().min(MAX_BEGUN);
                for (to, from) in self.begun.iter_mut().zip(begun) {
                    *to = *from;
                }
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts that are nearly UTF-8, where chance alone makes hardly any.
    fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop_oneof![
            8 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
            2 => "[a-z]{1,5}".prop_map(String::into_bytes),
            1 => proptest::collection::vec(any::<u8>(), 1..3),
        ];
        proptest::collection::vec(pieces, 0..12).prop_map(|all| all.concat())
    }

    proptest! {
        #[test]
        fn text_is_utf8_however_it_is_cut(
            text in nearly_text(),
            cuts in proptest::collection::vec(0_usize..4, 1..40),
        ) {
            let is_utf8 = std::str::from_utf8(&text).is_ok();
            prop_assert_eq!(is_text(&text), is_utf8);
            let mut utf8 = Utf8::default();
            let (mut ok, mut rest) = (true, &text[..]);
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                ok = ok && utf8.takes(piece, false);
                rest = behind;
            }
            prop_assert_eq!(ok && utf8.takes(rest, true), is_utf8);
        }
    }
}
