//! How often a schedule comes round that is written as a line of crontab.

/// Seconds between two runs; null where they come at uneven times, or where it is no such line.
pub(super) fn seconds_between(text: &str) -> Option<u64> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    // A time zone may stand before the line, and moves it only.
    let text = text.trim();
    let text = match text.split_once(char::is_whitespace) {
        Some((zone, rest)) if zone.starts_with("TZ=") || zone.starts_with("CRON_TZ=") => rest,
        _ => text,
    };
    match text {
        "@hourly" => return Some(HOUR),
        "@daily" | "@midnight" => return Some(DAY),
        "@weekly" => return Some(7 * DAY),
        "@monthly" => return Some(30 * DAY),
        "@yearly" | "@annually" => return Some(365 * DAY),
        _ => {}
    }
    let fields: [&str; 5] = text.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
    let one = |field: &str| field.parse::<u8>().is_ok();
    // Each so many, where the hour or the day is a multiple of it.
    let each = |field: &str, whole: u64| match field {
        "*" => Some(1),
        field => field.strip_prefix("*/")?.parse::<u64>().ok().filter(|step| *step > 0 && whole.is_multiple_of(*step)),
    };
    let is_name = |field: &str| field.len() == 3 && field.chars().all(|letter| letter.is_ascii_alphabetic());
    match fields {
        [minute, "*", "*", "*", "*"] if !one(minute) => Some(each(minute, 60)? * MINUTE),
        [minute, hour, "*", "*", "*"] if one(minute) && !one(hour) => Some(each(hour, 24)? * HOUR),
        [minute, hour, "*", "*", "*"] if one(minute) && one(hour) => Some(DAY),
        [minute, hour, "*", "*", day] if one(minute) && one(hour) && (one(day) || is_name(day)) => Some(7 * DAY),
        [minute, hour, day, "*", "*"] if one(minute) && one(hour) && one(day) => Some(30 * DAY),
        [minute, hour, day, month, "*"] if one(minute) && one(hour) && one(day) && (one(month) || is_name(month)) => {
            Some(365 * DAY)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_come_round() {
        for (text, seconds) in [
            ("*/5 * * * *", Some(300)),
            ("* * * * *", Some(60)),
            ("*/7 * * * *", None),
            ("*/0 * * * *", None),
            ("0 * * * *", Some(3_600)),
            ("30 */6 * * *", Some(21_600)),
            ("0 3 * * *", Some(86_400)),
            ("TZ=America/New_York 0 3 * * MON", Some(604_800)),
            ("0 3 1 * *", Some(2_592_000)),
            ("0 3 1 JAN *", Some(31_536_000)),
            ("@daily", Some(86_400)),
            ("0 9-17 * * *", None),
            ("0 3 1 1 1", None),
            ("0 3", None),
            ("", None),
        ] {
            assert_eq!(seconds_between(text), seconds, "{text}");
        }
    }
}
