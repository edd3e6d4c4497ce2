//! Bills of CycloneDX as JSON, versions 1.4 to 1.7 (ECMA-424).

use super::{Bill, ComponentFacts, ComponentKind, Listed, hash_of};
use crate::document::{Json, Node};
use crate::problem::Problem;

/// Versions whose components are as they are read here.
const VERSIONS: [&str; 4] = ["1.4", "1.5", "1.6", "1.7"];

/// How deep components nest in components at most. Assemblies of assemblies are rare.
const DEPTH_MAX: usize = 16;

/// Reads the bill, if it is one of CycloneDX.
pub(super) fn read(json: &Json) -> Result<Option<Bill>, Problem> {
    let Some(root) = bill(json)? else { return Ok(None) };
    let version = root.needed_text("specVersion")?;
    let mut found = Bill::new(format!("CycloneDX {version}"));
    if let Some(subject) = subject(&root)? {
        component(&subject, true, 0, &mut found)?;
    }
    for item in root.objects("components")? {
        component(&item, false, 0, &mut found)?;
    }
    Ok(Some(found))
}

/// The document, if it says that it is a bill of CycloneDX.
///
/// # Errors
/// It is of a version that is not read.
pub(in crate::facts) fn bill(json: &Json) -> Result<Option<Node<'_>>, Problem> {
    let root = json.root();
    if root.text("bomFormat").ok().flatten() != Some("CycloneDX") {
        return Ok(None);
    }
    let version = root.needed_text("specVersion")?;
    if VERSIONS.contains(&version) {
        return Ok(Some(root));
    }
    let message = format!("the bill of materials is of version `{version}` of CycloneDX, which is not read");
    let at = root.get("specVersion").unwrap_or(root);
    Err(at.problem("unknown-bill-of-materials", message, &format!("write one of {}", VERSIONS.join(", "))))
}

/// What the bill is of.
pub(in crate::facts) fn subject<'a>(bill: &Node<'a>) -> Result<Option<Node<'a>>, Problem> {
    bill.object("metadata")?.map_or(Ok(None), |metadata| metadata.object("component"))
}

/// The licence of a component: the one expression of the list, or its licences with `AND` between them, since all of
/// them are of the component.
pub(in crate::facts) fn licence(component: &Node<'_>) -> Result<Option<String>, Problem> {
    let mut names = Vec::new();
    for choice in component.objects("licenses")? {
        if let Some(expression) = choice.text("expression")? {
            names.push(expression.to_owned());
            continue;
        }
        let Some(licence) = choice.object("license")? else {
            return Err(choice.problem("missing-key", "there is neither `license` nor `expression`", "add one"));
        };
        let name = licence.text("id")?.or(licence.text("name")?);
        names.push(
            name.ok_or_else(|| licence.problem("missing-key", "the licence has no name", "add `id`"))?.to_owned(),
        );
    }
    Ok(super::all_of(&names))
}

fn component(node: &Node<'_>, subject: bool, depth: usize, bill: &mut Bill) -> Result<(), Problem> {
    if depth > DEPTH_MAX {
        let message = format!("components nest more than {DEPTH_MAX} deep");
        return Err(node.problem("too-deep", message, "list them beside each other"));
    }
    let name = node.needed_text("name")?;
    let kind = node.needed_text("type")?;
    listed(node, name, depth, bill)?;
    if kind == "file" {
        bill.files += 1;
    } else {
        bill.add(
            node,
            ComponentFacts {
                name: node.text("group")?.map_or_else(|| name.to_owned(), |group| format!("{group}/{name}")),
                version: node.text("version")?.map(str::to_owned),
                licence: licence(node)?,
                kind: match kind {
                    "machine-learning-model" => ComponentKind::Model,
                    "data" => ComponentKind::DataSet,
                    "application" | "framework" | "library" | "container" | "platform" | "operating-system"
                    | "firmware" | "device-driver" => ComponentKind::Software,
                    _ => ComponentKind::Other,
                },
                subject,
                excluded: node.text("scope")? == Some("excluded"),
            },
        )?;
    }
    for inner in node.objects("components")? {
        component(&inner, false, depth + 1, bill)?;
    }
    Ok(())
}

/// The digests of a component that may be a file of the release: it is called as one, or says where it was found.
fn listed(node: &Node<'_>, name: &str, depth: usize, bill: &mut Bill) -> Result<(), Problem> {
    let hashes = node.objects("hashes")?;
    if hashes.is_empty() {
        return Ok(());
    }
    let mut sha256 = Vec::new();
    for hash in &hashes {
        sha256.extend(hash_of(hash, "alg", "content")?);
    }
    let mut names = vec![name.to_owned()];
    if let Some(evidence) = node.object("evidence")? {
        for place in evidence.objects("occurrences")? {
            names.extend(place.text("location")?.map(str::to_owned));
        }
    }
    bill.listed.push(Listed { names, sha256, outermost: depth == 0 });
    Ok(())
}
