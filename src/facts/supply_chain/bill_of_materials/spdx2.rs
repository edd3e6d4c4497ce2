//! Bills of SPDX 2.2 and 2.3 as JSON (ISO/IEC 5962).

use std::collections::BTreeSet;

use super::{Bill, ComponentFacts, ComponentKind, Listed, hash_of};
use crate::document::{Json, Node};
use crate::problem::Problem;

/// Versions whose packages and files are as they are read here.
const VERSIONS: [&str; 2] = ["SPDX-2.2", "SPDX-2.3"];

/// Reads the bill, if it is one of SPDX 2.
pub(super) fn read(json: &Json) -> Result<Option<Bill>, Problem> {
    let root = json.root();
    let Some(version) = root.text("spdxVersion")? else { return Ok(None) };
    if !VERSIONS.contains(&version) {
        let message = format!("the bill of materials is of the version `{version}`, which is not read");
        let at = root.get("spdxVersion").unwrap_or(root);
        return Err(at.problem("unknown-bill-of-materials", message, "write SPDX 2.3 or SPDX 3"));
    }
    let mut bill = Bill::new(version.replacen('-', " ", 1));
    let described = described(&root)?;
    for package in root.objects("packages")? {
        let id = package.needed_text("SPDXID")?;
        let component = ComponentFacts {
            name: package.needed_text("name")?.to_owned(),
            version: package.text("versionInfo")?.map(str::to_owned),
            licence: licence(&package)?,
            kind: ComponentKind::Software,
            subject: described.contains(id),
            excluded: false,
        };
        bill.add(&package, component)?;
        if let Some(name) = package.text("packageFileName")? {
            listed(&package, name, &mut bill)?;
        }
    }
    for file in root.objects("files")? {
        bill.files += 1;
        listed(&file, file.needed_text("fileName")?, &mut bill)?;
    }
    Ok(Some(bill))
}

/// The ids of what the document says that it describes.
fn described<'a>(root: &Node<'a>) -> Result<BTreeSet<&'a str>, Problem> {
    let mut ids: BTreeSet<&str> =
        root.items("documentDescribes")?.into_iter().filter_map(|id| id.value().as_str()).collect();
    for relationship in root.objects("relationships")? {
        if relationship.text("relationshipType")? == Some("DESCRIBES") {
            ids.extend(relationship.text("relatedSpdxElement")?);
        }
    }
    Ok(ids)
}

/// What the package's makers say, or else what whoever looked at it came to.
fn licence(package: &Node<'_>) -> Result<Option<String>, Problem> {
    for key in ["licenseDeclared", "licenseConcluded"] {
        let stated = package.text(key)?.filter(|licence| super::is_asserted(licence));
        if stated.is_some() {
            return Ok(stated.map(str::to_owned));
        }
    }
    Ok(None)
}

fn listed(node: &Node<'_>, name: &str, bill: &mut Bill) -> Result<(), Problem> {
    let mut sha256 = Vec::new();
    let checksums = node.objects("checksums")?;
    for checksum in &checksums {
        sha256.extend(hash_of(checksum, "algorithm", "checksumValue")?);
    }
    if !checksums.is_empty() {
        bill.listed.push(Listed { names: vec![name.to_owned()], sha256, outermost: true });
    }
    Ok(())
}
