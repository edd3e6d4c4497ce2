//! Alarms in a plan of Terraform, as `terraform show -json` prints it.

use super::cloudwatch::{self, Alarms};
use super::cursor::Cursor;
use super::{Found, datadog, sagemaker};
use crate::document::Document;
use crate::problem::Problem;

/// Modules within modules.
const DEPTH_MAX: usize = 16;

/// The alarms that there will be when the plan has been carried out. Resources of other kinds are passed over.
///
/// # Errors
/// Every problem: no plan, and those of its alarms.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let Some(module) = root.path(&["planned_values", "root_module"]).or_else(|| root.path(&["values", "root_module"]))
    else {
        let hint = "write it with `terraform show -json PLAN`";
        return Err(vec![root.problem("not-alerts", "this is no plan of Terraform in JSON", hint)]);
    };
    let (mut found, mut problems) = (Found::default(), Vec::new());
    let mut alarms = Alarms::new(&cloudwatch::TERRAFORM);
    modules(&module, DEPTH_MAX, &mut found, &mut alarms, &mut problems);
    if found.is_empty() && alarms.is_empty() && problems.is_empty() {
        let message = "the plan has no alarms of CloudWatch or Datadog, and no monitoring schedules of SageMaker";
        problems.push(root.problem("not-alerts", message, "take it out of `monitoring`, or plan some"));
    }
    if let Err(more) = alarms.finish(&mut found) {
        problems.extend(more);
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn modules(module: &Cursor<'_>, depth: usize, found: &mut Found, alarms: &mut Alarms, problems: &mut Vec<Problem>) {
    for resource in module.items_of("resources") {
        let Some(values) = resource.get("values") else { continue };
        let address = resource.text_of("address");
        match resource.text_of("type").as_deref() {
            Some("aws_cloudwatch_metric_alarm" | "aws_cloudwatch_composite_alarm") => {
                alarms.add(address.as_deref(), &values);
            }
            Some("aws_sagemaker_monitoring_schedule") => {
                found.push(sagemaker::schedule_signal(address.as_deref(), &values, &sagemaker::TERRAFORM, problems));
            }
            Some("datadog_monitor") => found.push(datadog::signal(&values, problems)),
            _ => {}
        }
    }
    for child in module.items_of("child_modules") {
        match depth.checked_sub(1) {
            Some(depth) => modules(&child, depth, found, alarms, problems),
            None => problems.push(child.problem("document-too-deep", "modules nest too deep", "flatten them")),
        }
    }
}
