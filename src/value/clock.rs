//! The wall clock.

use std::time::SystemTime;

use jiff::Timestamp;

/// The time now. A clock that stands beyond the year 9999, where a timestamp ends,
/// stands still there.
pub(crate) fn now() -> Timestamp {
    at(SystemTime::now())
}

fn at(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(match time < SystemTime::UNIX_EPOCH {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_beyond_the_year_9999_is_no_panic() {
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(300_000_000_000);
        assert_eq!(at(far), Timestamp::MAX);
        assert_eq!(at(SystemTime::UNIX_EPOCH), Timestamp::UNIX_EPOCH);
    }
}
