//! GitLab's REST API: notes of merge requests and statuses of commits, as its API documentation has them.

use serde_json::{Value, json};

use super::exchange::{Exchange, Method};
use super::github::{PAGES_MAX, PER_PAGE, encoded, list, made, number, text};
use super::marker::stamp_of;
use super::pace::{Kind, Pace};
use super::plan::{Comment, State, Status};
use super::publish::Target;
use super::{ForgeError, What};

/// Our own user.
async fn user(pace: &mut Pace<'_>) -> Result<u64, ForgeError> {
    let answer = pace.send(What::Identity, Kind::Read, &Exchange::get("/user".to_owned())).await?;
    let body = answer.json().unwrap_or(Value::Null);
    number(&body, "/id").ok_or(ForgeError::NotUnderstood { what: What::Identity })
}

fn notes(target: &Target<'_>, what: What) -> Result<String, ForgeError> {
    Ok(format!("/projects/{}/merge_requests/{}/notes", target.project.of_request, target.request(what)?))
}

/// Our own notes with the marker.
pub(super) async fn comments(pace: &mut Pace<'_>, target: &Target<'_>) -> Result<Vec<Comment>, ForgeError> {
    let what = What::Comments;
    let user = user(pace).await?;
    let path = notes(target, what)?;
    let mut found = Vec::new();
    for page in 1..=PAGES_MAX {
        let page = format!("{path}?per_page={PER_PAGE}&page={page}&sort=asc&order_by=created_at");
        let answer = pace.send(what, Kind::Read, &Exchange::get(page)).await?;
        for note in list(what, &answer)? {
            let body = text(&note, "/body").unwrap_or_default();
            if number(&note, "/author/id") == Some(user) && stamp_of(body, target.key).is_some() {
                let id = number(&note, "/id").ok_or(ForgeError::NotUnderstood { what })?;
                found.push(Comment { id, body: body.to_owned(), url: None });
            }
        }
        if !answer.has_next_page() {
            return Ok(found);
        }
    }
    Err(ForgeError::TooMany { what, most: PAGES_MAX * PER_PAGE })
}

pub(super) async fn create_comment(
    pace: &mut Pace<'_>,
    target: &Target<'_>,
    body: &str,
) -> Result<(u64, Option<String>), ForgeError> {
    let what = What::Comment;
    let exchange = Exchange::with(Method::Post, notes(target, what)?, json!({"body": body}));
    made(what, &pace.send(what, Kind::Notify, &exchange).await?)
}

pub(super) async fn update_comment(
    pace: &mut Pace<'_>,
    target: &Target<'_>,
    id: u64,
    body: &str,
) -> Result<(), ForgeError> {
    let what = What::Comment;
    let path = format!("{}/{id}", notes(target, what)?);
    pace.send(what, Kind::Write, &Exchange::with(Method::Put, path, json!({"body": body}))).await.map(drop)
}

/// The newest status with our name, of the pipeline if there is one.
pub(super) async fn status(pace: &mut Pace<'_>, target: &Target<'_>) -> Result<Option<Status>, ForgeError> {
    let what = What::Statuses;
    let name = target.key.name();
    let pipeline = target.pipeline.map(|pipeline| format!("&pipeline_id={pipeline}")).unwrap_or_default();
    let path = format!(
        "/projects/{}/repository/commits/{}/statuses?name={}&per_page={PER_PAGE}{pipeline}",
        target.project.name,
        target.commit(what)?,
        encoded(&name)
    );
    let answer = pace.send(what, Kind::Read, &Exchange::get(path)).await?;
    let statuses = list(what, &answer)?;
    let ours = statuses.iter().filter(|status| text(status, "/name") == Some(&name));
    Ok(ours.max_by_key(|status| number(status, "/id")).map(|status| Status {
        state: match text(status, "/status") {
            Some("success") => State::Success,
            Some("failed") => State::Failure,
            _ => State::Error,
        },
        name: name.clone(),
        description: text(status, "/description").unwrap_or_default().to_owned(),
        url: text(status, "/target_url").map(str::to_owned),
    }))
}

/// Sets the status in the pipeline that runs: without its number GitLab makes another one for it.
pub(super) async fn set_status(pace: &mut Pace<'_>, target: &Target<'_>, status: &Status) -> Result<(), ForgeError> {
    let what = What::Status;
    let path = format!("/projects/{}/statuses/{}", target.project.name, target.commit(what)?);
    let state = match status.state {
        State::Success => "success",
        State::Failure => "failed",
        State::Error => "canceled",
    };
    let mut body = json!({"state": state, "name": status.name, "description": status.description});
    if let Value::Object(fields) = &mut body {
        if let Some(url) = &status.url {
            fields.insert("target_url".to_owned(), Value::from(url.as_str()));
        }
        if let Some(pipeline) = target.pipeline {
            fields.insert("pipeline_id".to_owned(), Value::from(pipeline));
        }
    }
    match pace.send(what, Kind::Create, &Exchange::with(Method::Post, path, body)).await {
        // Older versions refuse a state that is there already: what is there is looked at.
        Err(ForgeError::Refused { message, .. }) if message.contains("Cannot transition status") => {
            Err(ForgeError::Unknown { what, reason: message })
        }
        other => other.map(drop),
    }
}
