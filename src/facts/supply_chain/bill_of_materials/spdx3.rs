//! Bills of SPDX 3.0 as JSON-LD with the context of the specification, the profiles for AI and data sets included.

use std::collections::BTreeMap;

use super::{Bill, ComponentFacts, ComponentKind, Listed, hash_of};
use crate::document::{Json, Node};
use crate::problem::Problem;

/// Where a listed licence has its name from.
const LISTED_LICENCES: &str = "https://spdx.org/licenses/";

/// Reads the bill, if it is one of SPDX 3.
pub(super) fn read(json: &Json) -> Result<Option<Bill>, Problem> {
    let root = json.root();
    let contexts: Vec<_> = match root.get("@context").map(|context| context.value()) {
        Some(serde_json::Value::Array(contexts)) => contexts.iter().filter_map(|context| context.as_str()).collect(),
        Some(context) => context.as_str().into_iter().collect(),
        None => Vec::new(),
    };
    if !contexts.iter().any(|context| context.starts_with("https://spdx.org/rdf/")) {
        return Ok(None);
    }
    let elements = root.objects("@graph")?;
    let version = version(&root, &elements)?;
    let mut bill = Bill::new(format!("SPDX {version}"));
    let licences = licences(&elements)?;
    let roots = roots(&elements)?;
    for element in &elements {
        let kind = match element_type(element)? {
            "ai_AIPackage" => ComponentKind::Model,
            "dataset_DatasetPackage" => ComponentKind::DataSet,
            "software_Package" => match element.text("software_primaryPurpose")? {
                Some("model") => ComponentKind::Model,
                Some("data") => ComponentKind::DataSet,
                Some("device") => ComponentKind::Other,
                _ => ComponentKind::Software,
            },
            "software_File" => {
                bill.files += 1;
                listed(element, &mut bill)?;
                continue;
            }
            _ => continue,
        };
        let id = id(element)?;
        let component = ComponentFacts {
            name: element.needed_text("name")?.to_owned(),
            version: element.text("software_packageVersion")?.map(str::to_owned),
            licence: licences.get(id).and_then(|found| super::all_of(found)),
            kind,
            subject: roots.contains(&id),
            excluded: false,
        };
        bill.add(element, component)?;
        listed(element, &mut bill)?;
    }
    Ok(Some(bill))
}

/// The version, which stands with what says when the document was made.
fn version(root: &Node<'_>, elements: &[Node<'_>]) -> Result<String, Problem> {
    for element in elements {
        if element_type(element)? == "CreationInfo" {
            let version = element.needed_text("specVersion")?;
            if version == "3.0" || version.starts_with("3.0.") {
                return Ok(version.to_owned());
            }
            let message = format!("the bill of materials is of version `{version}` of SPDX, which is not read");
            return Err(element.problem("unknown-bill-of-materials", message, "write SPDX 3.0 or SPDX 2.3"));
        }
    }
    Err(root.problem("missing-key", "there is no `CreationInfo`", "write it again with the program that it is from"))
}

/// The type of an element; `@type` is what the context makes `type` of.
fn element_type<'a>(element: &Node<'a>) -> Result<&'a str, Problem> {
    Ok(element.text("type")?.or(element.text("@type")?).unwrap_or_default())
}

fn id<'a>(element: &Node<'a>) -> Result<&'a str, Problem> {
    match element.text("spdxId")?.or(element.text("@id")?) {
        Some(id) => Ok(id),
        None => Err(element.problem("missing-key", "there is no `spdxId`", "add it")),
    }
}

/// Ids of what the bills in the document are of.
fn roots<'a>(elements: &[Node<'a>]) -> Result<Vec<&'a str>, Problem> {
    let mut roots = Vec::new();
    for element in elements {
        if matches!(element_type(element)?, "SpdxDocument" | "software_Sbom" | "Bom") {
            roots.extend(element.items("rootElement")?.into_iter().filter_map(|root| root.value().as_str()));
        }
    }
    Ok(roots)
}

/// The licences of each element: those that its makers declare, or else those that whoever looked at it came to.
fn licences<'a>(elements: &[Node<'a>]) -> Result<BTreeMap<&'a str, Vec<String>>, Problem> {
    let mut named: BTreeMap<&str, &str> = BTreeMap::new();
    for element in elements {
        let key = match element_type(element)? {
            "simplelicensing_LicenseExpression" => "simplelicensing_licenseExpression",
            "expandedlicensing_ListedLicense"
            | "expandedlicensing_CustomLicense"
            | "simplelicensing_SimpleLicensingText" => "name",
            _ => continue,
        };
        let id = id(element)?;
        let name = id.strip_prefix(LISTED_LICENCES).or(element.text(key)?);
        named.extend(name.filter(|name| super::is_asserted(name)).map(|name| (id, name)));
    }
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for wanted in ["hasDeclaredLicense", "hasConcludedLicense"] {
        let mut stated: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for element in elements {
            if element_type(element)? != "Relationship" || element.text("relationshipType")? != Some(wanted) {
                continue;
            }
            let from = element.needed_text("from")?;
            for to in element.items("to")? {
                let to = to.value().as_str().unwrap_or_default();
                // `NoAssertion` and `None` are elements of the specification, which no document has.
                let name = named.get(to).copied().or_else(|| to.strip_prefix(LISTED_LICENCES));
                stated.entry(from).or_default().extend(name.map(str::to_owned));
            }
        }
        for (from, names) in stated {
            let known = found.entry(from).or_default();
            if known.is_empty() {
                *known = names;
            }
        }
    }
    Ok(found)
}

fn listed(element: &Node<'_>, bill: &mut Bill) -> Result<(), Problem> {
    let mut sha256 = Vec::new();
    let mut hashes = 0;
    for method in element.objects("verifiedUsing")? {
        if element_type(&method)? == "Hash" {
            hashes += 1;
            sha256.extend(hash_of(&method, "algorithm", "hashValue")?);
        }
    }
    if let Some(name) = element.text("name")?.filter(|_| hashes > 0) {
        bill.listed.push(Listed { names: vec![name.to_owned()], sha256, outermost: true });
    }
    Ok(())
}
