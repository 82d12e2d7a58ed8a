//! How times and payloads stand in JSON, for `#[serde(with = …)]`.

use serde::{Deserialize, Serialize};

/// Times as text: RFC 3339, UTC, always six digits behind the second, so that
/// they sort as they follow each other.
pub(crate) mod rfc3339 {
    use jiff::Timestamp;
    use jiff::fmt::temporal::DateTimePrinter;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

    /// The text of a time.
    pub(crate) fn text(time: Timestamp) -> String {
        PRINTER.timestamp_to_string(&time)
    }

    pub(crate) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error| D::Error::custom(format!("the time is not RFC 3339: {error}")))
    }
}

/// A payload as it is written: its length in bytes, and itself.
#[derive(Serialize)]
struct Payload<'a> {
    length: usize,
    data: &'a str,
}

/// A payload as it is read.
#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    data: String,
}

pub(super) mod text_length {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use tokio_tungstenite::tungstenite::Utf8Bytes;

    use super::{Data, Payload};

    pub(crate) fn serialize<S: Serializer>(
        data: &Utf8Bytes,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let length = data.len();
        Payload { length, data }.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Utf8Bytes, D::Error> {
        Ok(Data::deserialize(d)?.data.into())
    }
}

pub(super) mod base64_length {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use bytes::Bytes;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Data, Payload};

    pub(crate) fn serialize<S: Serializer>(
        bytes: &Bytes,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let data = &BASE64.encode(bytes);
        let length = bytes.len();
        Payload { length, data }.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Bytes, D::Error> {
        let bytes = BASE64.decode(Data::deserialize(d)?.data);
        let bytes = bytes.map_err(|e| D::Error::custom(format!("the data is not base64: {e}")))?;
        Ok(bytes.into())
    }
}
