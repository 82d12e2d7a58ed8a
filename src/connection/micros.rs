//! Times as JSON tells them everywhere: whole microseconds, for
//! `#[serde(with = …)]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The microseconds of a time; as many as fit.
pub(crate) fn of(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Writes a time.
///
/// # Errors
/// The serializer's.
pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(of(*time))
}

/// Reads a time.
///
/// # Errors
/// The deserializer's.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_micros)
}

/// The same for what may not have taken place.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, of};

    /// Writes a time, or null.
    ///
    /// # Errors
    /// The serializer's.
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(of).serialize(serializer)
    }

    /// Reads a time, or null.
    ///
    /// # Errors
    /// The deserializer's.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let micros = Option::<u64>::deserialize(deserializer)?;
        Ok(micros.map(Duration::from_micros))
    }
}
