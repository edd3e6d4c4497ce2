//! GitHub's REST API, as its OpenAPI description has it (npm `@octokit/openapi` 23.0.2), and one question to GraphQL: an
//! installation's token, as workflows have it, can learn who it is nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write as _;

use super::annotation::{Annotation, Level};
use super::exchange::{Answer, Exchange, GRAPHQL, Method};
use super::marker::stamp_of;
use super::pace::{Kind, Pace};
use super::plan::{ANNOTATIONS_PER_REQUEST, CheckRun, CheckRunState, Comment, State, Status};
use super::publish::Target;
use super::{ForgeError, What, sarif};

/// Entries of a page: the most that GitHub gives.
pub(super) const PER_PAGE: usize = 100;

/// Pages of comments that are read: ten thousand comments, of which a request with more has other troubles.
pub(super) const PAGES_MAX: usize = 100;

/// Bytes of a compressed SARIF file that code scanning takes.
const SARIF_BYTES_MAX: usize = 10 << 20;

/// A list in an answer.
pub(super) fn list(what: What, answer: &Answer) -> Result<Vec<Value>, ForgeError> {
    match answer.json() {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(ForgeError::NotUnderstood { what }),
    }
}

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

pub(super) fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer)?.as_u64()
}

/// Every character percent-encoded that a query could take for its own (RFC 3986).
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Our own login.
async fn viewer(pace: &mut Pace<'_>) -> Result<String, ForgeError> {
    let query = Exchange::with(Method::Post, GRAPHQL.to_owned(), json!({"query": "query { viewer { login } }"}));
    let answer = pace.send(What::Identity, Kind::Read, &query).await?;
    let body = answer.json().unwrap_or(Value::Null);
    let login = text(&body, "/data/viewer/login").ok_or(ForgeError::NotUnderstood { what: What::Identity })?;
    Ok(login.to_owned())
}

/// Our own comments with the marker. Anybody can write a marker, so that the author counts.
pub(super) async fn comments(pace: &mut Pace<'_>, target: &Target<'_>) -> Result<Vec<Comment>, ForgeError> {
    let what = What::Comments;
    let login = viewer(pace).await?;
    let (project, request) = (&target.project.of_request, target.request(what)?);
    let mut found = Vec::new();
    for page in 1..=PAGES_MAX {
        let path = format!("/repos/{project}/issues/{request}/comments?per_page={PER_PAGE}&page={page}");
        let answer = pace.send(what, Kind::Read, &Exchange::get(path)).await?;
        for comment in list(what, &answer)? {
            let is_ours = text(&comment, "/user/login").is_some_and(|author| author.eq_ignore_ascii_case(&login));
            let body = text(&comment, "/body").unwrap_or_default();
            if is_ours && stamp_of(body, target.key).is_some() {
                let id = number(&comment, "/id").ok_or(ForgeError::NotUnderstood { what })?;
                let url = text(&comment, "/html_url").map(str::to_owned);
                found.push(Comment { id, body: body.to_owned(), url });
            }
        }
        if !answer.has_next_page() {
            return Ok(found);
        }
    }
    // One of ours may be behind: a second one would be worse than none.
    Err(ForgeError::TooMany { what, most: PAGES_MAX * PER_PAGE })
}

/// The number and the page of what was made. Without them it was made all the same: whoever asks has to look.
pub(super) fn made(what: What, answer: &Answer) -> Result<(u64, Option<String>), ForgeError> {
    let body = answer.json().unwrap_or(Value::Null);
    let unknown = || ForgeError::Unknown { what, reason: "the answer has no number in it".to_owned() };
    let id = number(&body, "/id").ok_or_else(unknown)?;
    Ok((id, text(&body, "/html_url").map(str::to_owned)))
}

pub(super) async fn create_comment(
    pace: &mut Pace<'_>,
    target: &Target<'_>,
    body: &str,
) -> Result<(u64, Option<String>), ForgeError> {
    let what = What::Comment;
    let path = format!("/repos/{}/issues/{}/comments", target.project.of_request, target.request(what)?);
    let exchange = Exchange::with(Method::Post, path, json!({"body": body}));
    made(what, &pace.send(what, Kind::Notify, &exchange).await?)
}

pub(super) async fn update_comment(
    pace: &mut Pace<'_>,
    target: &Target<'_>,
    id: u64,
    body: &str,
) -> Result<(), ForgeError> {
    let path = format!("/repos/{}/issues/comments/{id}", target.project.of_request);
    let exchange = Exchange::with(Method::Patch, path, json!({"body": body}));
    pace.send(What::Comment, Kind::Write, &exchange).await.map(drop)
}

/// The newest status with our name. Contexts are compared without case, as GitHub does.
pub(super) async fn status(pace: &mut Pace<'_>, target: &Target<'_>) -> Result<Option<Status>, ForgeError> {
    let what = What::Statuses;
    let path = format!("/repos/{}/commits/{}/statuses?per_page={PER_PAGE}", target.project.name, target.commit(what)?);
    let answer = pace.send(what, Kind::Read, &Exchange::get(path)).await?;
    let name = target.key.name();
    // The newest are first.
    let found = list(what, &answer)?
        .into_iter()
        .find(|status| text(status, "/context").is_some_and(|context| context.eq_ignore_ascii_case(&name)));
    Ok(found.map(|status| Status {
        state: match text(&status, "/state") {
            Some("success") => State::Success,
            Some("failure") => State::Failure,
            _ => State::Error,
        },
        name,
        description: text(&status, "/description").unwrap_or_default().to_owned(),
        url: text(&status, "/target_url").map(str::to_owned),
    }))
}

pub(super) async fn set_status(pace: &mut Pace<'_>, target: &Target<'_>, status: &Status) -> Result<(), ForgeError> {
    let what = What::Status;
    let path = format!("/repos/{}/statuses/{}", target.project.name, target.commit(what)?);
    let state = match status.state {
        State::Success => "success",
        State::Failure => "failure",
        State::Error => "error",
    };
    let mut body = json!({"state": state, "context": status.name, "description": status.description});
    insert(&mut body, "target_url", status.url.as_deref());
    pace.send(what, Kind::Create, &Exchange::with(Method::Post, path, body)).await.map(drop)
}

/// Adds a text that may be absent: the description of the API takes no null for it.
fn insert(body: &mut Value, key: &str, text: Option<&str>) {
    if let (Value::Object(fields), Some(text)) = (body, text) {
        fields.insert(key.to_owned(), Value::from(text));
    }
}

/// Our check run of this very run, or else the newest of ours.
pub(super) async fn check_run(pace: &mut Pace<'_>, target: &Target<'_>) -> Result<Option<CheckRunState>, ForgeError> {
    let what = What::CheckRuns;
    let path = format!(
        "/repos/{}/commits/{}/check-runs?check_name={}&filter=all&per_page={PER_PAGE}",
        target.project.name,
        target.commit(what)?,
        encoded(&target.key.name())
    );
    let answer = pace.send(what, Kind::Read, &Exchange::get(path)).await?;
    let body = answer.json().unwrap_or(Value::Null);
    let runs = body.get("check_runs").and_then(Value::as_array).ok_or(ForgeError::NotUnderstood { what })?;
    let ours = format!("{}@", target.key);
    let mut found: Vec<CheckRunState> = runs
        .iter()
        .filter_map(|run| {
            let external_id = text(run, "/external_id").filter(|id| id.starts_with(&ours))?;
            let annotations = number(run, "/output/annotations_count").unwrap_or(0);
            Some(CheckRunState {
                id: number(run, "/id")?,
                external_id: external_id.to_owned(),
                annotations: usize::try_from(annotations).unwrap_or(usize::MAX),
            })
        })
        .collect();
    let wanted = target.desired.check_run.as_ref().map(|wanted| wanted.external_id.as_str());
    found.sort_by_key(|run| (Some(run.external_id.as_str()) == wanted, run.id));
    Ok(found.pop())
}

pub(super) async fn create_check_run(
    pace: &mut Pace<'_>,
    target: &Target<'_>,
    wanted: &CheckRun,
) -> Result<u64, ForgeError> {
    let what = What::CheckRun;
    let path = format!("/repos/{}/check-runs", target.project.name);
    let mut body = json!({
        "name": wanted.name,
        "head_sha": target.commit(what)?,
        "external_id": wanted.external_id,
        "status": "completed",
        "conclusion": if wanted.state == State::Success { "success" } else { "failure" },
        "output": output(wanted, 0),
    });
    insert(&mut body, "details_url", wanted.url.as_deref());
    let answer = pace.send(what, Kind::Create, &Exchange::with(Method::Post, path, body)).await?;
    Ok(made(what, &answer)?.0)
}

/// Annotations are appended to those that are there: sent twice, they would be there twice.
pub(super) async fn add_annotations(
    pace: &mut Pace<'_>,
    target: &Target<'_>,
    wanted: &CheckRun,
    id: u64,
    from: usize,
) -> Result<(), ForgeError> {
    let path = format!("/repos/{}/check-runs/{id}", target.project.name);
    let exchange = Exchange::with(Method::Patch, path, json!({"output": output(wanted, from)}));
    pace.send(What::CheckRun, Kind::Create, &exchange).await.map(drop)
}

fn output(wanted: &CheckRun, from: usize) -> Value {
    let batch = wanted.annotations.iter().skip(from).take(ANNOTATIONS_PER_REQUEST);
    let annotations: Vec<Value> = batch.map(annotation).collect();
    json!({"title": wanted.title, "summary": wanted.summary, "annotations": annotations})
}

fn annotation(annotation: &Annotation) -> Value {
    let level = match annotation.level {
        Level::Notice => "notice",
        Level::Warning => "warning",
        Level::Failure => "failure",
    };
    json!({
        "path": annotation.path,
        "start_line": annotation.line,
        "end_line": annotation.line,
        "annotation_level": level,
        "title": annotation.title,
        "message": annotation.message,
    })
}

/// Whether code scanning has as many results of ours for the commit. There being no analysis yet is a 404.
pub(super) async fn has_analysis(pace: &mut Pace<'_>, target: &Target<'_>) -> Result<bool, ForgeError> {
    let what = What::Analyses;
    let Some(wanted) = &target.desired.sarif else { return Ok(false) };
    let path = format!(
        "/repos/{}/code-scanning/analyses?tool_name={}&ref={}&per_page={PER_PAGE}",
        target.project.name,
        env!("CARGO_PKG_NAME"),
        encoded(&wanted.reference)
    );
    let answer = match pace.send(what, Kind::Read, &Exchange::get(path)).await {
        Ok(answer) => answer,
        Err(ForgeError::Forbidden { status: 404, .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let (commit, results) = (target.commit(what)?, sarif::results(&wanted.document));
    let category = target.key.to_string();
    Ok(list(what, &answer)?.iter().any(|analysis| {
        text(analysis, "/commit_sha") == Some(commit)
            && text(analysis, "/category").is_some_and(|found| found.trim_matches('/') == category)
            && number(analysis, "/results_count") == Some(results)
    }))
}

/// Uploading the same again replaces what is there, since category and commit are the same.
pub(super) async fn upload_sarif(pace: &mut Pace<'_>, target: &Target<'_>) -> Result<(), ForgeError> {
    let what = What::Sarif;
    let Some(wanted) = &target.desired.sarif else { return Ok(()) };
    let refuse = |reason: &str| ForgeError::NotThere { what, reason: reason.to_owned() };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(wanted.document.as_bytes()).and_then(|()| encoder.finish());
    let compressed = compressed.map_err(|_| refuse("the results cannot be compressed"))?;
    if compressed.len() > SARIF_BYTES_MAX {
        return Err(refuse("the results are larger than the 10 MiB that code scanning takes"));
    }
    let body = json!({
        "commit_sha": target.commit(what)?,
        "ref": wanted.reference,
        "sarif": STANDARD.encode(&compressed),
    });
    let path = format!("/repos/{}/code-scanning/sarifs", target.project.name);
    pace.send(what, Kind::Write, &Exchange::with(Method::Post, path, body)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_cannot_change_the_query() {
        assert_eq!(encoded("eve:a&state=closed#ä"), "eve%3Aa%26state%3Dclosed%23%C3%A4");
    }
}
