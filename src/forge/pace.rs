//! When something is sent, and when it is sent again: what the forges ask of clients.
//!
//! GitHub: one request at a time, a second between writes and three between those that notify people, and after a refusal
//! for the rate exactly the pause that it names. GitLab: `Retry-After`, then `RateLimit-Reset`. What is asked for is
//! bounded by attempts and by a budget of waiting, after which publishing gives up: the verdict does not depend on it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::exchange::{Answer, Client, Exchange, Unanswered};
use super::{ForgeError, What};

/// Pause between writes (octokit/plugin-throttling).
const WRITE_GAP: Duration = Duration::from_secs(1);

/// Pause between writes that notify people (octokit/plugin-throttling).
const NOTIFYING_GAP: Duration = Duration::from_secs(3);

/// How often one request is sent.
pub(super) const ATTEMPTS_MAX: u32 = 5;

/// What all waiting for the forge may come to, failed requests included.
pub(super) const WAITING_MAX: Duration = Duration::from_secs(120);

/// Pause after a secondary limit that names none (GitHub: at least a minute), doubled each time.
const SECONDARY_PAUSE: Duration = Duration::from_secs(60);

/// First pause after a failure, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What passes while something is done.
pub trait Clock: Send + Sync {
    /// The time.
    fn now(&self) -> DateTime<Utc>;
    /// Lets time pass.
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// A number from 0 to 999, so that clients that failed together do not come back together.
    fn jitter(&self) -> u32;
}

/// What sending a request twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It reads.
    Read,
    /// It writes, and writing twice comes to the same.
    Write,
    /// It writes, and writing twice comes to two: after an unknown outcome somebody has to look.
    Create,
    /// As [`Self::Create`], and people are told.
    Notify,
}

/// What an answer asks for.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    /// It was refused for the rate: nothing happened, and after the pause it may be sent again.
    Limited(Duration),
    /// It may have happened.
    Unknown(Duration),
    /// It is refused.
    Refused,
}

/// Sends requests, one at a time.
pub(super) struct Pace<'a> {
    client: &'a Client,
    clock: &'a dyn Clock,
    last_write: Option<DateTime<Utc>>,
    waiting_left: Duration,
}

impl<'a> Pace<'a> {
    pub(super) fn new(client: &'a Client, clock: &'a dyn Clock) -> Self {
        Self { client, clock, last_write: None, waiting_left: WAITING_MAX }
    }

    /// Sends a request until it is answered with success, as far as it may.
    ///
    /// # Errors
    /// [`ForgeError::Unknown`] only for what must not be sent again blindly; the pause is over by then.
    pub(super) async fn send(&mut self, what: What, kind: Kind, exchange: &Exchange) -> Result<Answer, ForgeError> {
        let mut reason = String::new();
        for attempt in 0..ATTEMPTS_MAX {
            self.keep_gap(kind).await;
            let began = self.clock.now();
            let outcome = self.client.send(exchange).await;
            if kind != Kind::Read {
                self.last_write = Some(self.clock.now());
            }
            let (verdict, answer) = match outcome {
                Ok(answer) => (judge(&answer, attempt, began, self.clock.jitter()), Some(answer)),
                Err(Unanswered(why)) => {
                    reason = why;
                    (Verdict::Unknown(backoff(attempt, self.clock.jitter())), None)
                }
            };
            if let Some(answer) = &answer {
                reason = format!("it answered {}", answer.status);
            }
            let is_last = attempt + 1 == ATTEMPTS_MAX;
            match (verdict, answer) {
                (Verdict::Done, Some(answer)) => return Ok(answer),
                (Verdict::Limited(_), _) if is_last => break,
                (Verdict::Limited(pause), _) => self.wait(what, pause, began, &reason).await?,
                (Verdict::Unknown(pause), _) if matches!(kind, Kind::Create | Kind::Notify) => {
                    self.wait(what, pause, began, &reason).await?;
                    return Err(ForgeError::Unknown { what, reason });
                }
                (Verdict::Unknown(_), _) if is_last => break,
                (Verdict::Unknown(pause), _) => self.wait(what, pause, began, &reason).await?,
                (Verdict::Done | Verdict::Refused, answer) => {
                    return Err(ForgeError::refused(what, answer.as_ref()));
                }
            }
        }
        Err(ForgeError::GaveUp { what, reason: format!("{reason} each of {ATTEMPTS_MAX} times") })
    }

    /// Waits until the gap to the last write is over.
    async fn keep_gap(&self, kind: Kind) {
        let gap = match kind {
            Kind::Read => return,
            Kind::Write | Kind::Create => WRITE_GAP,
            Kind::Notify => NOTIFYING_GAP,
        };
        let Some(last) = self.last_write else { return };
        let passed = (self.clock.now() - last).to_std().unwrap_or_default();
        if let Some(left) = gap.checked_sub(passed).filter(|left| !left.is_zero()) {
            self.clock.sleep(left).await;
        }
    }

    /// Waits, if there is room for it in the budget: a pause that is longer than what is left is not begun.
    async fn wait(
        &mut self,
        what: What,
        pause: Duration,
        began: DateTime<Utc>,
        reason: &str,
    ) -> Result<(), ForgeError> {
        let lost = (self.clock.now() - began).to_std().unwrap_or_default();
        self.waiting_left = self.waiting_left.saturating_sub(lost);
        let Some(left) = self.waiting_left.checked_sub(pause) else {
            let reason = format!(
                "{reason}, and asks for a pause of {} s where {} s are left of {} s",
                pause.as_secs(),
                self.waiting_left.as_secs(),
                WAITING_MAX.as_secs()
            );
            return Err(ForgeError::GaveUp { what, reason });
        };
        self.waiting_left = left;
        self.clock.sleep(pause).await;
        Ok(())
    }
}

/// A pause that doubles, with up to half of it again at random.
fn backoff(attempt: u32, jitter: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_PAUSE);
    doubled.saturating_add(doubled.saturating_mul(jitter.min(999)) / 2_000)
}

fn judge(answer: &Answer, attempt: u32, now: DateTime<Utc>, jitter: u32) -> Verdict {
    match answer.status {
        200..=299 => Verdict::Done,
        403 | 429 => match limit(answer, attempt, now) {
            Some(pause) => Verdict::Limited(pause),
            None => Verdict::Refused,
        },
        // GitLab: somebody else holds the request's lock.
        409 if answer.says("resource lock") => Verdict::Limited(backoff(attempt, jitter)),
        408 | 500..=599 => Verdict::Unknown(retry_after(answer, now).unwrap_or_else(|| backoff(attempt, jitter))),
        _ => Verdict::Refused,
    }
}

/// The pause that a refusal for the rate asks for; none if it is a refusal for something else.
fn limit(answer: &Answer, attempt: u32, now: DateTime<Utc>) -> Option<Duration> {
    if let Some(pause) = retry_after(answer, now) {
        return Some(pause);
    }
    let remaining = ["x-ratelimit-remaining", "ratelimit-remaining"];
    let is_used_up = remaining.iter().any(|name| answer.header(name).map(str::trim) == Some("0"));
    let reset = || {
        let until = ["x-ratelimit-reset", "ratelimit-reset"].iter().find_map(|name| answer.header(name))?;
        let until = DateTime::<Utc>::from_timestamp(until.trim().parse().ok()?, 0)?;
        // A second more: the forge's clock may be behind.
        Some((until - now).to_std().unwrap_or_default().saturating_add(Duration::from_secs(1)))
    };
    if is_used_up && let Some(pause) = reset() {
        return Some(pause);
    }
    let secondary = SECONDARY_PAUSE.saturating_mul(2_u32.saturating_pow(attempt));
    (answer.status == 429 || answer.says("secondary rate") || is_used_up).then_some(secondary)
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        Answer {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn each_form_of_a_limit_has_its_pause() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let seconds = |headers: &[(&str, &str)], status, body, attempt| {
            limit(&answer(status, headers, body), attempt, now).map(|pause| pause.as_secs())
        };
        assert_eq!(seconds(&[("retry-after", "7")], 429, "", 0), Some(7));
        assert_eq!(seconds(&[("retry-after", "7")], 403, "", 0), Some(7));
        assert_eq!(seconds(&[("retry-after", "Tue, 14 Nov 2023 22:13:25 GMT")], 429, "", 0), Some(5));
        let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000009")];
        assert_eq!(seconds(&used_up, 403, "", 0), Some(10));
        let past = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1600000000")];
        assert_eq!(seconds(&past, 403, "", 0), Some(1));
        assert_eq!(seconds(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "1700000004")], 429, "", 0), Some(5));
        assert_eq!(seconds(&[], 403, "You have exceeded a secondary rate limit", 0), Some(60));
        assert_eq!(seconds(&[], 403, "You have exceeded a secondary rate limit", 1), Some(120));
        assert_eq!(seconds(&[], 429, "Retry later", 0), Some(60));
        // Without a sign of a limit it is a permission.
        assert_eq!(seconds(&[("x-ratelimit-remaining", "4999")], 403, "Resource not accessible", 0), None);
        assert_eq!(seconds(&[("retry-after", "soon")], 403, "", 0), None);
        assert_eq!(seconds(&[("retry-after", "18446744073709551615")], 429, "", 0), Some(u64::MAX));
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let seconds: Vec<u64> = (0..8).map(|attempt| backoff(attempt, 0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert!(backoff(0, 999) < Duration::from_millis(1_500));
    }
}
