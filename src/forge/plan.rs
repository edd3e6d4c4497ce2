//! What has to be written, from what is there and what should be: pure.
//!
//! A second run of the same decision plans nothing, and an older run plans nothing over a newer one.

use super::annotation::Annotation;
use super::marker::{self, Key, Marker, Stamp};

/// Annotations that GitHub takes in one request for a check run (`maxItems` of its OpenAPI description).
pub const ANNOTATIONS_PER_REQUEST: usize = 50;

/// What is on the forge already, as far as it is ours and about the same gate and manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Current {
    /// Comments of our own that begin with a marker of the key.
    pub comments: Vec<Comment>,
    /// The newest status with our name on the commit.
    pub status: Option<Status>,
    /// The newest check run with our name on the commit.
    pub check_run: Option<CheckRunState>,
    /// Whether code scanning has the results already.
    pub has_analysis: bool,
}

/// A comment of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The forge's number.
    pub id: u64,
    /// Its text.
    pub body: String,
    /// Its page, where the forge says so.
    pub url: Option<String>,
}

/// A status on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Success, failure, or error.
    pub state: State,
    /// Its name.
    pub name: String,
    /// A line of at most 140 characters.
    pub description: String,
    /// Page of the run.
    pub url: Option<String>,
}

/// What a status or a check run says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The release may go ahead.
    Success,
    /// It is denied.
    Failure,
    /// It was decided, and the evidence is incomplete.
    Error,
}

/// A check run that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRunState {
    /// The forge's number.
    pub id: u64,
    /// What we call it: key and stamp.
    pub external_id: String,
    /// Annotations that it has.
    pub annotations: usize,
}

/// What should be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// The comment, unless there should be none.
    pub comment: Option<DesiredComment>,
    /// The status, if one was asked for.
    pub status: Option<Status>,
    /// The check run, if one was asked for.
    pub check_run: Option<CheckRun>,
    /// The results for code scanning, if they were asked for.
    pub sarif: Option<Sarif>,
    /// Which run this is.
    pub stamp: Option<Stamp>,
}

/// The comment that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredComment {
    /// Its first line.
    pub marker: Marker,
    /// The whole text, marker included.
    pub body: String,
    /// Whether one is made where there is none.
    pub may_create: bool,
}

/// A check run that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// Its name.
    pub name: String,
    /// Key and stamp.
    pub external_id: String,
    /// What it says.
    pub state: State,
    /// Title of its page.
    pub title: String,
    /// Markdown, at most 65,535 characters.
    pub summary: String,
    /// Page of the run.
    pub url: Option<String>,
    /// Findings at their places.
    pub annotations: Vec<Annotation>,
}

/// Results for code scanning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sarif {
    /// The document.
    pub document: String,
    /// The reference that they are about, such as `refs/pull/7/head`.
    pub reference: String,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Makes the comment.
    CreateComment {
        /// Its text.
        body: String,
    },
    /// Writes a comment anew.
    UpdateComment {
        /// Which.
        id: u64,
        /// Its text.
        body: String,
    },
    /// Sets the status.
    SetStatus(Status),
    /// Makes the check run with its first annotations.
    CreateCheckRun,
    /// Appends the next annotations to the check run.
    AddAnnotations {
        /// Which check run.
        id: u64,
        /// How many it has.
        from: usize,
    },
    /// Uploads the results.
    UploadSarif,
}

/// What is to be done, and why something is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Writes, in this order.
    pub actions: Vec<Action>,
    /// Why something that could be expected is not among them.
    pub notes: Vec<String>,
}

/// Works out what has to be written.
#[must_use]
pub fn plan(current: &Current, desired: &Desired) -> Plan {
    let mut plan = Plan::default();
    if let Some(comment) = &desired.comment {
        plan.comment(&current.comments, comment);
    }
    if let Some(status) = &desired.status {
        plan.status(current.status.as_ref(), status, desired.stamp);
    }
    if let Some(check_run) = &desired.check_run {
        plan.check_run(current.check_run.as_ref(), check_run, desired.stamp);
    }
    if desired.sarif.is_some() && !current.has_analysis {
        plan.actions.push(Action::UploadSarif);
    }
    plan
}

impl Plan {
    fn comment(&mut self, found: &[Comment], desired: &DesiredComment) {
        let key = &desired.marker.key;
        let of_run = |comment: &Comment| marker::stamp_of(&comment.body, key);
        let Some(newest) = found.iter().max_by_key(|comment| (of_run(comment), comment.id)) else {
            if desired.may_create {
                self.actions.push(Action::CreateComment { body: desired.body.clone() });
            }
            return;
        };
        if let Some(other) = of_run(newest).filter(|other| *other > desired.marker.stamp) {
            self.notes.push(format!("the comment is that of a newer run ({}.{}), and stays", other.run, other.attempt));
        } else if !is_same(&newest.body, &desired.body) {
            self.actions.push(Action::UpdateComment { id: newest.id, body: desired.body.clone() });
        }
        // Two runs that found none at the same time both made one.
        for older in found.iter().filter(|comment| comment.id != newest.id) {
            self.actions.push(Action::UpdateComment { id: older.id, body: marker::superseded(key) });
        }
    }

    fn status(&mut self, found: Option<&Status>, desired: &Status, stamp: Option<Stamp>) {
        if found == Some(desired) {
            return;
        }
        let newer = found.and_then(|status| status.url.as_deref()).zip(stamp);
        if newer.is_some_and(|(url, stamp)| is_of_newer_run(url, stamp)) {
            self.notes.push("the status is that of a newer run, and stays".to_owned());
            return;
        }
        self.actions.push(Action::SetStatus(desired.clone()));
    }

    fn check_run(&mut self, found: Option<&CheckRunState>, desired: &CheckRun, stamp: Option<Stamp>) {
        match found {
            Some(found) if found.external_id == desired.external_id => {
                if found.annotations < desired.annotations.len() {
                    self.actions.push(Action::AddAnnotations { id: found.id, from: found.annotations });
                }
            }
            Some(found) if external_stamp(&found.external_id) > stamp && stamp.is_some() => {
                self.notes.push("the check run is that of a newer run, and stays".to_owned());
            }
            _ => self.actions.push(Action::CreateCheckRun),
        }
    }
}

/// Whether two texts are the same for a reader: forges change the ends of lines and strip the last.
fn is_same(one: &str, other: &str) -> bool {
    let lines = |text: &str| text.trim_end().lines().map(str::trim_end).map(str::to_owned).collect::<Vec<_>>();
    lines(one) == lines(other)
}

/// What we call the check run of a run.
#[must_use]
pub fn external_id(key: &Key, stamp: Stamp) -> String {
    format!("{key}@{}.{}", stamp.run, stamp.attempt)
}

fn external_stamp(external_id: &str) -> Option<Stamp> {
    let (run, attempt) = external_id.rsplit_once('@')?.1.split_once('.')?;
    Some(Stamp { run: run.parse().ok()?, attempt: attempt.parse().ok()? })
}

/// Whether a page is that of a newer run on the same commit: `…/actions/runs/<run>/attempts/<attempt>` in GitHub,
/// `…/jobs/<job>` in GitLab, whose jobs are numbered upwards.
fn is_of_newer_run(url: &str, stamp: Stamp) -> bool {
    let number = |text: &str| text.split(['/', '?', '#']).next().and_then(|text| text.parse::<u64>().ok());
    if let Some((_, rest)) = url.split_once("/actions/runs/") {
        let attempt = rest.split_once("/attempts/").and_then(|(_, attempt)| number(attempt));
        return number(rest).is_some_and(|run| Stamp { run, attempt: attempt.unwrap_or(1) } > stamp);
    }
    url.split_once("/jobs/").and_then(|(_, job)| number(job)).is_some_and(|job| job > stamp.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(run: u64, attempt: u64) -> Stamp {
        Stamp { run, attempt }
    }

    fn marker(run: u64) -> Marker {
        Marker {
            key: Key::new("modelgate", "m/modelgate.yaml"),
            commit: "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned(),
            stamp: stamp(run, 1),
        }
    }

    fn comment(id: u64, run: u64, text: &str) -> Comment {
        Comment { id, body: format!("{}\n{text}\n", marker(run)), url: None }
    }

    fn wanted(run: u64, text: &str, may_create: bool) -> Desired {
        let body = format!("{}\n{text}\n", marker(run));
        let comment = Some(DesiredComment { marker: marker(run), body, may_create });
        Desired { comment, stamp: Some(stamp(run, 1)), ..Desired::default() }
    }

    fn with(comments: Vec<Comment>) -> Current {
        Current { comments, ..Current::default() }
    }

    #[test]
    fn one_is_made_only_if_it_may_be() {
        let made = plan(&Current::default(), &wanted(2, "no", true));
        assert!(matches!(made.actions.as_slice(), [Action::CreateComment { .. }]), "{made:?}");
        assert_eq!(plan(&Current::default(), &wanted(2, "ok", false)), Plan::default());
        // One that is there is brought up to date all the same: it would be wrong.
        let updated = plan(&with(vec![comment(9, 1, "no")]), &wanted(2, "ok", false));
        assert!(matches!(updated.actions.as_slice(), [Action::UpdateComment { id: 9, .. }]), "{updated:?}");
    }

    #[test]
    fn the_same_is_not_written_again() {
        assert_eq!(plan(&with(vec![comment(9, 2, "no")]), &wanted(2, "no", true)), Plan::default());
        let mut kept = comment(9, 2, "no");
        kept.body = kept.body.trim_end().replace('\n', "\r\n");
        assert_eq!(plan(&with(vec![kept]), &wanted(2, "no", true)), Plan::default());
    }

    #[test]
    fn an_older_run_leaves_a_newer_one_alone() {
        let older = plan(&with(vec![comment(9, 3, "ok")]), &wanted(2, "no", true));
        assert!(older.actions.is_empty() && older.notes.len() == 1, "{older:?}");
        // The last comment is an older run's, and the one before it a newer run's: that one is kept.
        let both = plan(&with(vec![comment(9, 3, "ok"), comment(10, 1, "no")]), &wanted(2, "no", true));
        assert!(matches!(both.actions.as_slice(), [Action::UpdateComment { id: 10, .. }]), "{both:?}");
    }

    #[test]
    fn of_several_the_newest_is_kept() {
        let found = vec![comment(9, 1, "no"), comment(12, 1, "no"), comment(10, 1, "no")];
        let Plan { actions, .. } = plan(&with(found), &wanted(2, "ok", true));
        let written: Vec<u64> = actions
            .iter()
            .map(|action| match action {
                Action::UpdateComment { id, body } => {
                    assert_eq!(*id == 12, body.contains("ok"));
                    *id
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(written, [12, 9, 10]);
    }

    #[test]
    fn statuses_are_set_once_and_in_order() {
        let status = |run: u64, state| Status {
            state,
            name: "modelgate verdict".to_owned(),
            description: "d".to_owned(),
            url: Some(format!("https://github.com/o/r/actions/runs/{run}/attempts/1")),
        };
        let desired =
            |run, state| Desired { status: Some(status(run, state)), stamp: Some(stamp(run, 1)), ..Desired::default() };
        let there = |run, state| Current { status: Some(status(run, state)), ..Current::default() };
        assert_eq!(plan(&Current::default(), &desired(2, State::Failure)).actions.len(), 1);
        assert_eq!(plan(&there(2, State::Failure), &desired(2, State::Failure)), Plan::default());
        assert_eq!(plan(&there(1, State::Success), &desired(2, State::Failure)).actions.len(), 1);
        assert!(plan(&there(3, State::Success), &desired(2, State::Failure)).actions.is_empty());
        assert!(is_of_newer_run("https://gitlab.example/g/p/-/jobs/4002", stamp(900, 4001)));
        assert!(!is_of_newer_run("https://gitlab.example/g/p/-/jobs/4001", stamp(900, 4001)));
        assert!(!is_of_newer_run("https://elsewhere.example/", stamp(1, 1)));
    }

    #[test]
    fn annotations_go_on_where_they_stopped() {
        let key = Key::new("modelgate", "modelgate.yaml");
        let annotation = Annotation::new("m.yaml", 1, Default::default(), "t", "m");
        let check_run = |run| CheckRun {
            name: key.name(),
            external_id: external_id(&key, stamp(run, 1)),
            state: State::Failure,
            title: String::new(),
            summary: String::new(),
            url: None,
            annotations: vec![annotation.clone(); 51],
        };
        let desired =
            |run| Desired { check_run: Some(check_run(run)), stamp: Some(stamp(run, 1)), ..Desired::default() };
        let there = |run, annotations| Current {
            check_run: Some(CheckRunState { id: 4, external_id: external_id(&key, stamp(run, 1)), annotations }),
            ..Current::default()
        };
        assert_eq!(plan(&Current::default(), &desired(2)).actions, [Action::CreateCheckRun]);
        assert_eq!(plan(&there(2, 50), &desired(2)).actions, [Action::AddAnnotations { id: 4, from: 50 }]);
        assert_eq!(plan(&there(2, 51), &desired(2)), Plan::default());
        assert_eq!(plan(&there(1, 51), &desired(2)).actions, [Action::CreateCheckRun]);
        assert!(plan(&there(3, 0), &desired(2)).actions.is_empty());
    }
}
