//! Reads what is there, plans, and writes the difference.
//!
//! After a write whose outcome is not known, what is there is read again and planned anew: so nothing is doubled, and
//! annotations go on where they stopped.

use std::time::Duration;

use super::context::{Context, Project};
use super::exchange::Client;
use super::marker::{self, Key};
use super::pace::{ATTEMPTS_MAX, Clock, Pace};
use super::plan::{ANNOTATIONS_PER_REQUEST, Action, CheckRunState, Comment, Current, Desired, plan};
use super::{ForgeError, What, github, gitlab};
use crate::facts::repository::review::Forge;

/// Writes of one run: a thousand annotations are twenty of them.
const WRITES_MAX: usize = 100;

/// What was published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Page of the comment, if there is one.
    pub comment_url: Option<String>,
    /// How much was written.
    pub writes: usize,
    /// Why something that could be expected was not.
    pub notes: Vec<String>,
    /// What could not be published.
    pub failures: Vec<ForgeError>,
}

/// What is published, each by itself: what fails for one is tried for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Comment,
    Status,
    CheckRun,
    Sarif,
}

/// Where to, and about what.
pub(super) struct Target<'a> {
    pub(super) project: &'a Project,
    pub(super) request: Option<u64>,
    pub(super) commit: Option<&'a str>,
    pub(super) pipeline: Option<u64>,
    pub(super) key: &'a Key,
    pub(super) desired: Desired,
}

struct Publisher<'a> {
    pace: Pace<'a>,
    target: Target<'a>,
    current: Current,
    published: Published,
}

/// Publishes what should be there.
///
/// # Errors
/// [`ForgeError`] if there is no way to reach the forge at all; what fails later is in [`Published::failures`].
pub async fn publish(
    context: &Context,
    key: &Key,
    desired: Desired,
    clock: &dyn Clock,
    request_time: Duration,
) -> Result<Published, ForgeError> {
    let setup = |reason: &str| ForgeError::Setup { reason: reason.to_owned() };
    let project = context.project.as_ref().ok_or_else(|| {
        setup("this is neither GitHub Actions nor GitLab CI; name the forge with --forge, --project and --request")
    })?;
    let client = Client::new(project, request_time)?;
    let mut published = Published::default();
    let mut desired = desired;
    if context.request.is_none() && desired.comment.take().is_some() {
        published.notes.push("there is no pull or merge request, and so no comment".to_owned());
    }
    if project.forge == Forge::Gitlab && (desired.check_run.take().is_some() | desired.sarif.take().is_some()) {
        published.notes.push("GitLab has no check runs and no SARIF: use the code quality report".to_owned());
    }
    if context.commit.is_none() && (desired.status.is_some() || desired.check_run.is_some() || desired.sarif.is_some())
    {
        return Err(setup("the commit is not known: the event names none; give it with --commit"));
    }
    let commit = context.commit.as_deref();
    let target = Target { project, request: context.request, commit, pipeline: context.pipeline, key, desired };
    let pace = Pace::new(&client, clock);
    let mut publisher = Publisher { pace, target, current: Current::default(), published };
    publisher.run().await;
    Ok(publisher.published)
}

impl Publisher<'_> {
    async fn run(&mut self) {
        for channel in [Channel::Comment, Channel::Status, Channel::CheckRun, Channel::Sarif] {
            if self.is_wanted(channel)
                && let Err(error) = self.read(channel).await
            {
                self.give_up(channel, error);
            }
        }
        let mut unknown = 0;
        for _ in 0..WRITES_MAX {
            let plan = plan(&self.current, &self.target.desired);
            let Some(action) = plan.actions.into_iter().next() else {
                self.published.notes.extend(plan.notes);
                break;
            };
            let channel = Channel::of(&action);
            match self.apply(action).await {
                Ok(()) => self.published.writes = self.published.writes.saturating_add(1),
                Err(ForgeError::Unknown { what, reason }) => {
                    unknown += 1;
                    let read = if unknown < ATTEMPTS_MAX {
                        self.read(channel).await
                    } else {
                        Err(ForgeError::GaveUp { what, reason: format!("{reason}, {unknown} times") })
                    };
                    if let Err(error) = read {
                        self.give_up(channel, error);
                    }
                }
                Err(error) => self.give_up(channel, error),
            }
        }
        if let Some(comment) = self.current.comments.iter().max_by_key(|comment| comment.id) {
            self.published.comment_url.clone_from(&comment.url);
        }
    }

    const fn is_wanted(&self, channel: Channel) -> bool {
        let desired = &self.target.desired;
        match channel {
            Channel::Comment => desired.comment.is_some(),
            Channel::Status => desired.status.is_some(),
            Channel::CheckRun => desired.check_run.is_some(),
            Channel::Sarif => desired.sarif.is_some(),
        }
    }

    fn give_up(&mut self, channel: Channel, error: ForgeError) {
        let desired = &mut self.target.desired;
        match channel {
            Channel::Comment => desired.comment = None,
            Channel::Status => desired.status = None,
            Channel::CheckRun => desired.check_run = None,
            Channel::Sarif => desired.sarif = None,
        }
        self.published.failures.push(error);
    }

    /// Reads what is there.
    async fn read(&mut self, channel: Channel) -> Result<(), ForgeError> {
        let (pace, target, current) = (&mut self.pace, &self.target, &mut self.current);
        match (target.project.forge, channel) {
            (Forge::Github, Channel::Comment) => current.comments = github::comments(pace, target).await?,
            (Forge::Github, Channel::Status) => current.status = github::status(pace, target).await?,
            (Forge::Github, Channel::CheckRun) => current.check_run = github::check_run(pace, target).await?,
            (Forge::Github, Channel::Sarif) => current.has_analysis = github::has_analysis(pace, target).await?,
            (Forge::Gitlab, Channel::Comment) => current.comments = gitlab::comments(pace, target).await?,
            (Forge::Gitlab, Channel::Status) => current.status = gitlab::status(pace, target).await?,
            (Forge::Gitlab, Channel::CheckRun | Channel::Sarif) => {}
        }
        Ok(())
    }

    /// Writes, and keeps in mind what is there then: forges take a while until lists show what was made.
    async fn apply(&mut self, action: Action) -> Result<(), ForgeError> {
        let (pace, target, current) = (&mut self.pace, &self.target, &mut self.current);
        let is_github = target.project.forge == Forge::Github;
        match action {
            Action::CreateComment { body } => {
                let (id, url) = if is_github {
                    github::create_comment(pace, target, &body).await?
                } else {
                    gitlab::create_comment(pace, target, &body).await?
                };
                current.comments.push(Comment { id, body, url });
            }
            Action::UpdateComment { id, body } => {
                if is_github {
                    github::update_comment(pace, target, id, &body).await?;
                } else {
                    gitlab::update_comment(pace, target, id, &body).await?;
                }
                if let Some(comment) = current.comments.iter_mut().find(|comment| comment.id == id) {
                    comment.body = body;
                }
                current.comments.retain(|comment| marker::stamp_of(&comment.body, target.key).is_some());
            }
            Action::SetStatus(status) => {
                if is_github {
                    github::set_status(pace, target, &status).await?;
                } else {
                    gitlab::set_status(pace, target, &status).await?;
                }
                current.status = Some(status);
            }
            Action::CreateCheckRun => {
                let Some(wanted) = &target.desired.check_run else { return Ok(()) };
                let id = github::create_check_run(pace, target, wanted).await?;
                let annotations = wanted.annotations.len().min(ANNOTATIONS_PER_REQUEST);
                current.check_run = Some(CheckRunState { id, external_id: wanted.external_id.clone(), annotations });
            }
            Action::AddAnnotations { id, from } => {
                let Some(wanted) = &target.desired.check_run else { return Ok(()) };
                github::add_annotations(pace, target, wanted, id, from).await?;
                let annotations = wanted.annotations.len().min(from.saturating_add(ANNOTATIONS_PER_REQUEST));
                current.check_run = Some(CheckRunState { id, external_id: wanted.external_id.clone(), annotations });
            }
            Action::UploadSarif => {
                github::upload_sarif(pace, target).await?;
                current.has_analysis = true;
            }
        }
        Ok(())
    }
}

impl Channel {
    const fn of(action: &Action) -> Self {
        match action {
            Action::CreateComment { .. } | Action::UpdateComment { .. } => Self::Comment,
            Action::SetStatus(_) => Self::Status,
            Action::CreateCheckRun | Action::AddAnnotations { .. } => Self::CheckRun,
            Action::UploadSarif => Self::Sarif,
        }
    }
}

impl Target<'_> {
    /// The commit; what needs one is not begun without.
    pub(super) fn commit(&self, what: What) -> Result<&str, ForgeError> {
        self.commit.ok_or(ForgeError::NotThere { what, reason: "the commit is not known".to_owned() })
    }

    /// The request; what needs one is not begun without.
    pub(super) fn request(&self, what: What) -> Result<u64, ForgeError> {
        self.request.ok_or(ForgeError::NotThere { what, reason: "there is no request".to_owned() })
    }
}
