//! Holding a JSON document against a shape.
//!
//! All violations are found, not the first alone, and each names the path of its member; up to a
//! number, so that an answer has its measure. A member that is null counts as absent, as in every
//! AWS protocol on JSON.

use serde_json::{Map, Value};

use super::{Member, Shape, Text, patterns};
use crate::error::{ApiError, FieldError, Reason};

/// Checks a request body and takes the nulls out of it.
pub(crate) fn check(document: &mut Value, shape: &Shape) -> Result<(), ApiError> {
    remove_nulls(document);
    let mut faults = Faults::default();
    faults.check("", document, shape);
    faults.into_result()
}

/// Checks a string that came outside a body.
pub(crate) fn check_text(name: &str, value: &str, rules: &Text) -> Result<(), ApiError> {
    let mut faults = Faults::default();
    faults.check_text(name, value, rules);
    faults.into_result()
}

/// Nobody reads more violations of a kind than this.
const MOST: usize = 100;

/// The violations found so far. Those of form (a number where a string belongs) outweigh those
/// of content: AWS would not get as far as the content.
#[derive(Default)]
struct Faults {
    form: Vec<FieldError>,
    content: Vec<FieldError>,
}

impl Faults {
    fn into_result(self) -> Result<(), ApiError> {
        if !self.form.is_empty() {
            return Err(ApiError::fields(Reason::CannotParse, self.form));
        }
        if !self.content.is_empty() {
            return Err(ApiError::fields(Reason::FieldValidationFailed, self.content));
        }
        Ok(())
    }

    fn misformed(&mut self, path: &str, expected: &str) {
        let name = if path.is_empty() { "body" } else { path };
        let message = format!("Value at '{name}' is not {expected}");
        note(&mut self.form, FieldError { name: name.to_owned(), message });
    }

    fn violated(&mut self, path: &str, constraint: &str) {
        let message = format!("Value at '{path}' failed to satisfy constraint: {constraint}");
        note(&mut self.content, FieldError { name: path.to_owned(), message });
    }

    fn check(&mut self, path: &str, value: &Value, shape: &Shape) {
        match (shape, value) {
            (Shape::Document, _) | (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Text(rules), Value::String(text)) => self.check_text(path, text, rules),
            (Shape::Enum(names), Value::String(text)) => {
                if !names.contains(&text.as_str()) {
                    let names = names.join(", ");
                    self.violated(path, &format!("Member must satisfy enum value set: [{names}]"));
                }
            }
            (Shape::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
                Some(number) if number < *min => self.violated(
                    path,
                    &format!("Member must have value greater than or equal to {min}"),
                ),
                Some(number) if number > *max => self
                    .violated(path, &format!("Member must have value less than or equal to {max}")),
                Some(_) => {}
                None => self.misformed(path, "an integer"),
            },
            (Shape::List { min, max, item }, Value::Array(items)) => {
                self.check_size(path, items.len(), *min, *max);
                for (index, value) in items.iter().enumerate() {
                    self.check(&format!("{path}[{index}]"), value, item);
                }
            }
            (Shape::Map { min, max, key, value }, Value::Object(entries)) => {
                self.check_size(path, entries.len(), *min, *max);
                for (name, entry) in entries {
                    self.check(&format!("{path}.key"), &Value::String(name.clone()), key);
                    self.check(&format!("{path}.{name}"), entry, value);
                }
            }
            (Shape::Structure(members), Value::Object(object)) => {
                self.check_members(path, object, members);
            }
            (Shape::Union(members), Value::Object(object)) => {
                self.check_members(path, object, members);
                let known = members.iter().filter(|member| object.contains_key(member.name));
                if known.count() != 1 {
                    self.violated(path, "Member must have exactly one of its members set");
                }
            }
            (Shape::Text(_) | Shape::Enum(_), _) => self.misformed(path, "a string"),
            (Shape::Integer { .. }, _) => self.misformed(path, "an integer"),
            (Shape::Boolean, _) => self.misformed(path, "a boolean"),
            (Shape::List { .. }, _) => self.misformed(path, "a list"),
            (Shape::Map { .. } | Shape::Structure(_) | Shape::Union(_), _) => {
                self.misformed(path, "an object");
            }
        }
    }

    fn check_members(&mut self, path: &str, object: &Map<String, Value>, members: &[Member]) {
        for member in members {
            let path = join(path, member.name);
            match object.get(member.name) {
                Some(value) => self.check(&path, value, member.shape),
                None if member.required => self.violated(&path, "Member must not be null"),
                None => {}
            }
        }
        for name in object.keys() {
            if !members.iter().any(|member| member.name == name) {
                self.violated(&join(path, name), "Member is not known");
            }
        }
    }

    fn check_text(&mut self, path: &str, text: &str, rules: &Text) {
        let length = text.chars().count();
        self.check_size(path, length, rules.min, rules.max);
        // What is too long is refused unread: a pattern takes its time over megabytes.
        if length > rules.max {
            return;
        }
        if let Some(pattern) = rules.pattern
            && !patterns::matches(pattern, text)
        {
            let constraint = format!("Member must satisfy regular expression pattern: {pattern}");
            self.violated(path, &constraint);
        }
    }

    fn check_size(&mut self, path: &str, size: usize, min: usize, max: usize) {
        if size < min {
            let constraint = format!("Member must have length greater than or equal to {min}");
            self.violated(path, &constraint);
        } else if size > max {
            let constraint = format!("Member must have length less than or equal to {max}");
            self.violated(path, &constraint);
        }
    }
}

fn note(violations: &mut Vec<FieldError>, violation: FieldError) {
    if violations.len() < MOST {
        violations.push(violation);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, member| !member.is_null());
            object.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::requests::CREATE_TARGET;
    use super::*;

    fn body(change: impl FnOnce(&mut Value)) -> Value {
        let mut body = json!({
            "name": "a",
            "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://a.example"}}},
        });
        change(&mut body);
        body
    }

    fn faults(mut body: Value) -> (Option<Reason>, Vec<String>) {
        match check(&mut body, &CREATE_TARGET) {
            Ok(()) => (None, Vec::new()),
            Err(error) => {
                (error.reason, error.fields.into_iter().map(|field| field.name).collect())
            }
        }
    }

    #[test]
    fn good_bodies_pass() {
        assert_eq!(faults(body(|_| {})), (None, vec![]));
        assert_eq!(faults(body(|body| body["description"] = Value::Null)), (None, vec![]));
    }

    #[test]
    fn a_text_that_is_too_long_is_not_read() {
        let token = format!("a{}", "-".repeat(2_000_000));
        let (_, fields) = faults(body(|body| body["clientToken"] = json!(token)));
        assert_eq!(fields, ["clientToken"]);
    }

    #[test]
    fn each_violation_names_its_member() {
        use Reason::{CannotParse, FieldValidationFailed};
        type Case = (Reason, &'static str, fn(&mut Value));
        let cases: &[Case] = &[
            (CannotParse, "name", |body| body["name"] = json!(7)),
            (CannotParse, "body", |body| *body = json!([])),
            (FieldValidationFailed, "name", |body| body["name"] = json!("a.b")),
            (FieldValidationFailed, "name", |body| {
                body.as_object_mut().unwrap().remove("name");
            }),
            (FieldValidationFailed, "description", |body| body["description"] = json!("")),
            (FieldValidationFailed, "clientToken", |body| body["clientToken"] = json!("short")),
            (FieldValidationFailed, "colour", |body| body["colour"] = json!("blue")),
            (FieldValidationFailed, "targetConfiguration", |body| {
                body["targetConfiguration"] = json!({});
            }),
            (FieldValidationFailed, "targetConfiguration.mcp.mcpServer.endpoint", |body| {
                body["targetConfiguration"]["mcp"]["mcpServer"]["endpoint"] = json!("http://a");
            }),
            (FieldValidationFailed, "targetConfiguration.mcp.mcpServer.resourcePriority", |body| {
                body["targetConfiguration"]["mcp"]["mcpServer"]["resourcePriority"] = json!(1001);
            }),
            (FieldValidationFailed, "credentialProviderConfigurations", |body| {
                body["credentialProviderConfigurations"] = json!([]);
            }),
            (FieldValidationFailed, "metadataConfiguration.allowedRequestHeaders", |body| {
                body["metadataConfiguration"] = json!({"allowedRequestHeaders": []});
            }),
        ];
        for (reason, field, change) in cases {
            assert_eq!(faults(body(change)), (Some(*reason), vec![(*field).to_owned()]));
        }
    }
}
