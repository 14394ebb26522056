//! The tables as JSON, in the words of the service model, so that somebody who holds the model
//! can compare them member by member.

use serde_json::{Map, Value, json};

use super::{Member, NO_LIMIT, Shape, Text, requests};
use crate::target::TargetStatus;

/// Every request body by its operation, and the strings that come in paths and queries.
pub(crate) fn describe() -> Value {
    let bodies = requests::BODIES
        .iter()
        .map(|(kind, shape)| (kind.name().to_owned(), of(shape, &mut Vec::new())));
    json!({
        "bodies": bodies.collect::<Map<_, _>>(),
        "parameters": {
            "gatewayIdentifier": text(&requests::GATEWAY_ID),
            "targetId": text(&requests::TARGET_ID),
            "nextToken": text(&requests::NEXT_TOKEN),
            "maxResults": {"type": "integer", "min": 1, "max": 1000},
        },
        "statuses": TargetStatus::KNOWN,
    })
}

fn of(shape: &Shape, above: &mut Vec<*const Shape>) -> Value {
    if above.iter().any(|known| std::ptr::eq(*known, shape)) {
        return json!({"type": "again", "levelsUp": above.len()});
    }
    above.push(shape);
    let described = match shape {
        Shape::Text(rules) => text(rules),
        Shape::Enum(names) => json!({"type": "string", "enum": names}),
        Shape::Integer { min, max } => json!({"type": "integer", "min": min, "max": max}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::List { min, max, item } => {
            sized(json!({"type": "list", "member": of(item, above)}), *min, *max)
        }
        Shape::Map { min, max, key, value } => sized(
            json!({"type": "map", "key": of(key, above), "value": of(value, above)}),
            *min,
            *max,
        ),
        Shape::Structure(members) => structure(members, false, above),
        Shape::Union(members) => structure(members, true, above),
        Shape::Document => json!({"type": "structure", "document": true}),
    };
    above.pop();
    described
}

fn text(rules: &Text) -> Value {
    let mut described = json!({"type": "string"});
    if let Some(pattern) = rules.pattern {
        described["pattern"] = pattern.into();
    }
    sized(described, rules.min, rules.max)
}

/// As the model has it: no limit, no member.
fn sized(mut described: Value, min: usize, max: usize) -> Value {
    if min > 0 {
        described["min"] = min.into();
    }
    if max != NO_LIMIT {
        described["max"] = max.into();
    }
    described
}

fn structure(members: &[Member], union: bool, above: &mut Vec<*const Shape>) -> Value {
    let required: Vec<&str> =
        members.iter().filter(|member| member.required).map(|member| member.name).collect();
    let members: Map<String, Value> =
        members.iter().map(|member| (member.name.to_owned(), of(member.shape, above))).collect();
    json!({"type": "structure", "union": union, "required": required, "members": members})
}
