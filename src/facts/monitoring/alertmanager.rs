//! Alertmanager's configuration: who is told of which Prometheus alerts. It has no alerts of its own.

use super::Found;
use super::cursor::Cursor;
use super::routing::{Route, Routes, is_always};
use crate::document::Document;
use crate::problem::Problem;

/// The routes of a file.
///
/// # Errors
/// Every problem: no routes, a receiver or a time that is not defined, a matcher that is none.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let (Some(top), Some(_)) = (root.get("route"), root.get("receivers")) else {
        let message = "there are no `route` and `receivers`";
        return Err(vec![root.problem("not-alerts", message, "name the configuration of an Alertmanager")]);
    };
    let mut problems = Vec::new();
    let mut routes = Routes::default();
    for receiver in root.items_of("receivers") {
        let tells = receiver
            .entries()
            .iter()
            .any(|(key, integrations)| key.ends_with("_configs") && !integrations.items().is_empty());
        if let Some(name) = receiver.text_of("name") {
            routes.receivers.insert((String::new(), name), tells);
        }
    }
    for key in ["time_intervals", "mute_time_intervals"] {
        for timing in root.items_of(key) {
            if let Some(name) = timing.text_of("name") {
                routes.mutes.insert((String::new(), name), is_always(&timing.items_of("time_intervals")));
            }
        }
    }
    let tree = Route::read(&top, &mut problems);
    if tree.receiver.is_none() || tree.has_matchers() {
        let message = "the first route has to have a receiver, and no matchers";
        problems.push(top.problem("missing-receiver", message, "name who is told of whatever no other route takes"));
    }
    for node in tree.nodes() {
        let unknown =
            node.receiver.iter().filter(|name| !routes.receivers.contains_key(&(String::new(), (*name).clone())));
        let untimed = node.mutes.iter().filter(|name| !routes.mutes.contains_key(&(String::new(), (*name).clone())));
        for name in unknown {
            let message = format!("a route leads to the receiver `{name}`, which is not there");
            problems.push(top.problem("unknown-receiver", message, "add it to `receivers`"));
        }
        for name in untimed {
            let message = format!("a route names the time `{name}`, which is not there");
            problems.push(top.problem("unknown-time", message, "add it to `time_intervals`"));
        }
    }
    routes.trees.insert(String::new(), (tree, document.location("/route")));
    let found = Found { routes: Some(routes), ..Found::default() };
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}
