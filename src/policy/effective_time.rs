//! The time that policies are told: an input like any other, and recorded.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, SecondsFormat, Utc};

/// An instant, UTC, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectiveTime(DateTime<Utc>);

impl EffectiveTime {
    /// The start of the day that `now` is in.
    #[must_use]
    pub fn start_of_day(now: DateTime<Utc>) -> Self {
        Self(now.date_naive().and_time(NaiveTime::MIN).and_utc())
    }

    /// Reads a day (`2027-01-31`, its start) or a time (`2027-01-31T12:00:00Z`), of the years 1970 to 9999.
    /// Parts of a second are cut off.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let time = match text.parse::<NaiveDate>() {
            Ok(day) => day.and_time(NaiveTime::MIN).and_utc(),
            Err(_) => DateTime::parse_from_rfc3339(text)
                .map_err(|_| "it is neither a day nor a time of RFC 3339".to_owned())?
                .to_utc(),
        };
        // Days are compared as texts, which is right for four digits only.
        if !(1970..=9999).contains(&time.year()) {
            return Err("its year is not one of 1970 to 9999".to_owned());
        }
        Ok(Self(DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time)))
    }

    /// `2027-01-31T00:00:00Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// `2027-01-31`.
    #[must_use]
    pub fn date(self) -> String {
        self.0.date_naive().to_string()
    }

    /// The date `days` later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> String {
        let date = self.0.date_naive();
        date.checked_add_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MAX).to_string()
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Nanoseconds since 1970, as `time.now_ns` gives them. They end in the year 2262: a time beyond it is
    /// only far away, and comes to the last instant that policies can be told.
    #[must_use]
    pub fn nanoseconds(self) -> i64 {
        self.0.timestamp_nanos_opt().unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read_and_anything_else_is_not() {
        assert_eq!(EffectiveTime::parse("2027-01-31").unwrap().to_rfc3339(), "2027-01-31T00:00:00Z");
        assert_eq!(EffectiveTime::parse("2027-01-31T13:00:00.9+01:00").unwrap().to_rfc3339(), "2027-01-31T12:00:00Z");
        for text in
            ["", "31.1.2027", "2027-02-30", "now", "2027-01-31T25:00:00Z", "1969-12-31", "+10000-01-01", "-0001-01-01"]
        {
            assert!(EffectiveTime::parse(text).is_err(), "{text}");
        }
        assert_eq!(EffectiveTime::parse("2027-01-31").unwrap().plus_days(30), "2027-03-02");
        assert_eq!(EffectiveTime::parse("1970-01-02").unwrap().nanoseconds(), 86_400_000_000_000);
        assert_eq!(EffectiveTime::parse("2999-01-01").unwrap().nanoseconds(), i64::MAX);
    }
}
