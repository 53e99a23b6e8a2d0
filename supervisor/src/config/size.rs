//! Numbers as people write them.

use serde_json::Value;

/// A whole number that is not negative, however it is written (`600`, `6e2`).
pub(super) fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let float = value.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be whole and within"
        )]
        (float.fract() == 0.0 && (0.0..1e15).contains(&float)).then_some(float as u64)
    })
}

/// Bytes: a whole number, or text with a unit (`512mb`, `2 GiB`). Units are powers of 1024.
pub(super) fn bytes(value: &Value) -> Option<u64> {
    let Value::String(text) = value else {
        return whole(value);
    };
    let text = text.trim().to_ascii_lowercase();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let power = match text[end..].trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return None,
    };
    text[..end]
        .parse::<u64>()
        .ok()?
        .checked_mul(1024_u64.pow(power))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_take_units() {
        assert_eq!(bytes(&json!(512)), Some(512));
        assert_eq!(bytes(&json!("512")), Some(512));
        assert_eq!(bytes(&json!("2 GiB")), Some(2 << 30));
        assert_eq!(bytes(&json!("10mb")), Some(10 << 20));
        for bad in [
            json!("mb"),
            json!("1.5gb"),
            json!("-1"),
            json!(-1),
            json!("9999999999tb"),
            json!(""),
        ] {
            assert_eq!(bytes(&bad), None, "{bad}");
        }
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats() {
        assert_eq!(whole(&json!(6e2)), Some(600));
        assert_eq!(whole(&json!(0.5)), None);
        assert_eq!(whole(&json!(-3)), None);
    }
}
