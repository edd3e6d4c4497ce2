//! Who reviewed the change: asked of the forge, when CI says which pull request it is.
//!
//! Reading only, one or two requests. A forge that cannot be asked is a fact of its own and never an
//! approval.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Secret;

/// Time for a request: a forge that needs longer is down.
const REQUEST_TIME: Duration = Duration::from_secs(20);

/// Reviews of one pull request that are read. More than one page of a hundred is no review but a debate,
/// and is an error rather than half an answer.
const REVIEWS_MAX: usize = 100;

/// Who reviewed the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewFacts {
    /// What became of asking.
    pub status: ReviewStatus,
    /// Number of the pull or merge request, or null.
    pub request: Option<u64>,
    /// Who opened it, or null.
    pub author: Option<String>,
    /// Who approves of its newest commit, sorted.
    pub approvers: Vec<String>,
    /// Why there is no answer; null when there is one.
    pub reason: Option<String>,
}

impl ReviewFacts {
    /// There is no request to ask about.
    #[must_use]
    pub fn none() -> Self {
        Self {
            status: ReviewStatus::None,
            request: None,
            author: None,
            approvers: Vec::new(),
            reason: Some("CI names no pull request".to_owned()),
        }
    }
}

/// What became of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewStatus {
    /// The forge answered.
    Ok,
    /// There is no pull request to ask about.
    None,
    /// There is one, and it could not be asked about.
    Error,
}

/// A pull or merge request, and how to ask about it.
#[derive(Debug, Clone)]
pub struct ReviewRequest {
    /// The forge.
    pub forge: Forge,
    /// URL of its API.
    pub api_url: String,
    /// `owner/name` in GitHub, the project's id in GitLab.
    pub project: String,
    /// Number of the request.
    pub number: u64,
    /// Token that may read it.
    pub token: Option<Secret>,
}

/// A forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// GitHub, or GitHub Enterprise.
    Github,
    /// GitLab.
    Gitlab,
}

/// An answer of a forge.
struct Review {
    author: String,
    approvers: Vec<String>,
}

/// Asks the forge about the request that CI builds, if it builds one.
pub async fn ask(request: Option<&ReviewRequest>) -> ReviewFacts {
    let none = ReviewFacts::none();
    let Some(request) = request else {
        return none;
    };
    let failed = |reason: &str| ReviewFacts {
        status: ReviewStatus::Error,
        request: Some(request.number),
        reason: Some(reason.to_owned()),
        ..none.clone()
    };
    let Some(token) = &request.token else {
        return failed("there is no token to ask with");
    };
    let asked = async {
        match request.forge {
            Forge::Github => github(request, token).await,
            Forge::Gitlab => gitlab(request, token).await,
        }
    };
    match tokio::time::timeout(REQUEST_TIME, asked).await {
        Err(_) => failed("the forge did not answer in time"),
        Ok(None) => failed("the forge refused, or gave no answer that is understood"),
        Ok(Some(Review { author, mut approvers })) => {
            approvers.sort();
            approvers.dedup();
            ReviewFacts {
                status: ReviewStatus::Ok,
                request: Some(request.number),
                author: Some(author),
                approvers,
                reason: None,
            }
        }
    }
}

#[derive(Deserialize)]
struct GithubUser {
    login: String,
}

#[derive(Deserialize)]
struct GithubCommit {
    sha: String,
}

#[derive(Deserialize)]
struct GithubPullRequest {
    user: GithubUser,
    head: GithubCommit,
}

#[derive(Deserialize)]
struct GithubReview {
    user: Option<GithubUser>,
    state: String,
    commit_id: Option<String>,
}

/// The last word of each reviewer counts, and only on the newest commit: what was approved before is not
/// what would be released.
async fn github(request: &ReviewRequest, token: &Secret) -> Option<Review> {
    let client = octocrab::Octocrab::builder()
        .base_uri(request.api_url.as_str())
        .ok()?
        .personal_token(token.expose().to_owned())
        .build()
        .ok()?;
    let path = format!("/repos/{}/pulls/{}", request.project, request.number);
    let pull: GithubPullRequest = client.get(&path, None::<&()>).await.ok()?;
    let reviews: Vec<GithubReview> =
        client.get(format!("{path}/reviews?per_page={REVIEWS_MAX}"), None::<&()>).await.ok()?;
    if reviews.len() >= REVIEWS_MAX {
        return None;
    }
    let mut last: BTreeMap<String, bool> = BTreeMap::new();
    for review in reviews {
        // A comment leaves an earlier word as it is.
        let says = matches!(review.state.as_str(), "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED");
        if let (Some(user), true) = (review.user, says) {
            let approves = review.state == "APPROVED" && review.commit_id.as_ref() == Some(&pull.head.sha);
            last.insert(user.login, approves);
        }
    }
    let approvers = last.into_iter().filter(|(_, approves)| *approves).map(|(login, _)| login).collect();
    Some(Review { author: pull.user.login, approvers })
}

#[derive(Deserialize)]
struct GitlabUser {
    username: String,
}

#[derive(Deserialize)]
struct GitlabMergeRequest {
    author: GitlabUser,
}

#[derive(Deserialize)]
struct GitlabApprovals {
    approved_by: Vec<GitlabApproval>,
}

#[derive(Deserialize)]
struct GitlabApproval {
    user: GitlabUser,
}

/// Whether a new commit takes approvals back is the project's own setting in GitLab.
async fn gitlab(request: &ReviewRequest, token: &Secret) -> Option<Review> {
    crate::remote::install_tls();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().ok()?;
    let url = format!("{}/projects/{}/merge_requests/{}", request.api_url, request.project, request.number);
    let mut secret = reqwest::header::HeaderValue::from_str(token.expose()).ok()?;
    secret.set_sensitive(true);
    let get = |url: String| client.get(url).header("PRIVATE-TOKEN", secret.clone()).send();
    let merge: GitlabMergeRequest = get(url.clone()).await.ok()?.error_for_status().ok()?.json().await.ok()?;
    let approvals: GitlabApprovals =
        get(format!("{url}/approvals")).await.ok()?.error_for_status().ok()?.json().await.ok()?;
    let approvers = approvals.approved_by.into_iter().map(|approval| approval.user.username).collect();
    Some(Review { author: merge.author.username, approvers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    /// A forge on loopback that answers each path with what it is given, until `requests` are served.
    fn serve(
        answers: Vec<(&'static str, u16, String)>,
        requests: usize,
    ) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut heads = Vec::new();
            for _ in 0..requests {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let path = head.split(' ').nth(1).unwrap().to_owned();
                let (_, status, body) = answers.iter().find(|(end, _, _)| path.ends_with(end)).unwrap_or(&answers[0]);
                let length = body.len();
                write!(stream, "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
                heads.push(head);
            }
            heads
        });
        (url, server)
    }

    fn ask_about(forge: Forge, api_url: String, token: Option<&str>) -> ReviewFacts {
        let token = token.map(|token| Secret::new(token.to_owned()));
        let review = ReviewRequest { forge, api_url, project: "o/r".to_owned(), number: 7, token };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(ask(Some(&review)))
    }

    fn review(login: &str, state: &str, commit: &str) -> String {
        format!(r#"{{"user": {{"login": "{login}"}}, "state": "{state}", "commit_id": "{commit}"}}"#)
    }

    #[test]
    fn the_last_word_on_the_newest_commit_counts() {
        let pull = r#"{"user": {"login": "ann"}, "head": {"sha": "new"}}"#.to_owned();
        let reviews = [
            review("old", "APPROVED", "before"),
            review("bob", "CHANGES_REQUESTED", "new"),
            review("bob", "APPROVED", "new"),
            review("bob", "COMMENTED", "new"),
            review("eve", "APPROVED", "new"),
            review("eve", "DISMISSED", "new"),
        ];
        let (url, server) =
            serve(vec![("/pulls/7", 200, pull), ("per_page=100", 200, format!("[{}]", reviews.join(",")))], 2);
        let facts = ask_about(Forge::Github, url, Some("t0ken"));
        let expected = ReviewFacts {
            status: ReviewStatus::Ok,
            request: Some(7),
            author: Some("ann".to_owned()),
            approvers: vec!["bob".to_owned()],
            reason: None,
        };
        assert_eq!(facts, expected);
        assert!(server.join().unwrap().iter().all(|head| head.contains("t0ken")));
    }

    #[test]
    fn gitlab_is_asked_for_approvals() {
        let merge = r#"{"author": {"username": "ann"}}"#.to_owned();
        let approvals = r#"{"approved_by": [{"user": {"username": "bob"}}]}"#.to_owned();
        let (url, server) = serve(vec![("/merge_requests/7", 200, merge), ("/approvals", 200, approvals)], 2);
        let facts = ask_about(Forge::Gitlab, url, Some("t0ken"));
        assert_eq!((facts.status, facts.approvers), (ReviewStatus::Ok, vec!["bob".to_owned()]));
        server.join().unwrap();
    }

    #[test]
    fn a_forge_that_refuses_is_no_approval_and_shows_no_token() {
        for (status, body) in [(403, "{}"), (404, "{}"), (200, "[]"), (200, "no JSON")] {
            let (url, server) = serve(vec![("", status, body.to_owned())], 1);
            let facts = ask_about(Forge::Gitlab, url, Some("t0ken"));
            assert_eq!((facts.status, facts.approvers.len()), (ReviewStatus::Error, 0), "{status}");
            assert!(!format!("{facts:?}").contains("t0ken"));
            server.join().unwrap();
            let (url, server) = serve(vec![("", status, body.to_owned())], 1);
            assert_eq!(ask_about(Forge::Github, url, Some("t0ken")).status, ReviewStatus::Error, "{status}");
            server.join().unwrap();
        }
        assert_eq!(ask_about(Forge::Github, "http://127.0.0.1:1".to_owned(), None).status, ReviewStatus::Error);
        assert_eq!(ask_about(Forge::Gitlab, "http://127.0.0.1:1".to_owned(), Some("t")).status, ReviewStatus::Error);
    }
}
