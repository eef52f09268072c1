//! Whether a text is a JSON Schema for the arguments of a tool. The runtime takes nearly anything, and then the model's
//! provider refuses every request of the thread.

use serde_json::Value;

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// What the value of a keyword must be.
#[derive(Clone, Copy)]
enum Shape {
    Type,
    Schema,
    SchemaOrList,
    SchemaList,
    SchemasByName,
    NonEmptyList,
    Names,
    Text,
    Number,
}

/// The keywords whose values are looked at; any other passes.
const KEYWORDS: &[(&str, Shape)] = &[
    ("type", Shape::Type),
    ("properties", Shape::SchemasByName),
    ("patternProperties", Shape::SchemasByName),
    ("$defs", Shape::SchemasByName),
    ("definitions", Shape::SchemasByName),
    ("required", Shape::Names),
    ("additionalProperties", Shape::Schema),
    ("propertyNames", Shape::Schema),
    ("items", Shape::SchemaOrList),
    ("prefixItems", Shape::SchemaList),
    ("contains", Shape::Schema),
    ("anyOf", Shape::SchemaList),
    ("oneOf", Shape::SchemaList),
    ("allOf", Shape::SchemaList),
    ("not", Shape::Schema),
    ("if", Shape::Schema),
    ("then", Shape::Schema),
    ("else", Shape::Schema),
    ("enum", Shape::NonEmptyList),
    ("title", Shape::Text),
    ("description", Shape::Text),
    ("pattern", Shape::Text),
    ("format", Shape::Text),
    ("minimum", Shape::Number),
    ("maximum", Shape::Number),
    ("exclusiveMinimum", Shape::Number),
    ("exclusiveMaximum", Shape::Number),
    ("multipleOf", Shape::Number),
    ("minLength", Shape::Number),
    ("maxLength", Shape::Number),
    ("minItems", Shape::Number),
    ("maxItems", Shape::Number),
];

/// What is wrong with the schema of a tool's arguments, and where; `None` when nothing is.
pub fn fault_of(schema: &Value) -> Option<String> {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Some("it must describe an object: {\"type\":\"object\",\"properties\":{...}}".to_owned());
    }
    check(schema, "").err()
}

type Checked = Result<(), String>;

fn check(schema: &Value, at: &str) -> Checked {
    match schema {
        Value::Bool(_) => Ok(()),
        Value::Object(members) => KEYWORDS
            .iter()
            .filter_map(|(keyword, shape)| members.get(*keyword).map(|value| (keyword, *shape, value)))
            .try_for_each(|(keyword, shape, value)| check_keyword(shape, value, &format!("{at}/{keyword}"))),
        _ => Err(expected(at, "a schema, which is an object or a boolean", schema)),
    }
}

fn check_keyword(shape: Shape, value: &Value, at: &str) -> Checked {
    match shape {
        Shape::Type => check_type(value, at),
        Shape::Schema => check(value, at),
        Shape::SchemaOrList if value.is_array() => check_list(value, at),
        Shape::SchemaOrList => check(value, at),
        Shape::SchemaList => check_list(value, at),
        Shape::SchemasByName => {
            let schemas = value.as_object().ok_or_else(|| expected(at, "an object of schemas", value))?;
            schemas.iter().try_for_each(|(name, schema)| check(schema, &format!("{at}/{name}")))
        }
        Shape::NonEmptyList => non_empty(value, at, "an array of the values that are allowed").map(drop),
        Shape::Names => {
            let names = value.as_array().ok_or_else(|| expected(at, "an array of names", value))?;
            ensure(names.iter().all(Value::is_string), at, "an array of names", value)
        }
        Shape::Text => ensure(value.is_string(), at, "a string", value),
        Shape::Number => ensure(value.is_number(), at, "a number", value),
    }
}

fn check_type(value: &Value, at: &str) -> Checked {
    let is_type = |value: &Value| value.as_str().is_some_and(|word| TYPES.contains(&word));
    let fits = match value {
        Value::Array(types) => !types.is_empty() && types.iter().all(is_type),
        word => is_type(word),
    };
    ensure(fits, at, &format!("one of {}", TYPES.join(", ")), value)
}

fn check_list(value: &Value, at: &str) -> Checked {
    let schemas = non_empty(value, at, "an array of schemas")?;
    schemas.iter().enumerate().try_for_each(|(index, schema)| check(schema, &format!("{at}/{index}")))
}

fn non_empty<'a>(value: &'a Value, at: &str, what: &str) -> Result<&'a [Value], String> {
    let list = value.as_array().filter(|list| !list.is_empty());
    list.map(Vec::as_slice).ok_or_else(|| expected(at, what, value))
}

fn ensure(fits: bool, at: &str, what: &str, value: &Value) -> Checked {
    if fits { Ok(()) } else { Err(expected(at, what, value)) }
}

fn expected(at: &str, what: &str, value: &Value) -> String {
    format!("{at} must be {what}, not {value}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_tools_need_passes() {
        for schema in [
            json!({"type": "object"}),
            json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false}),
            json!({"type": "object", "$defs": {"n": {"type": ["number", "null"], "minimum": 0}},
                "properties": {"list": {"type": "array", "items": {"$ref": "#/$defs/n"}},
                    "word": {"enum": ["a", null]}, "any": true,
                    "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                "required": ["list"], "x-future": 5}),
        ] {
            assert_eq!(fault_of(&schema), None);
        }
    }

    #[test]
    fn a_fault_is_named_with_its_place() {
        for (properties, fault) in [
            (json!({"a": {"type": "banana"}}), "/properties/a/type must be one of array, boolean,"),
            (json!({"a": {"type": []}}), "/properties/a/type must be one of"),
            (json!({"a": 5}), "/properties/a must be a schema, which is an object or a boolean, not 5"),
            (json!([]), "/properties must be an object of schemas"),
            (json!({"a": {"items": {"items": "x"}}}), "/properties/a/items/items must be a schema"),
            (json!({"a": {"anyOf": []}}), "/properties/a/anyOf must be an array of schemas"),
            (json!({"a": {"oneOf": [{"required": [1]}]}}), "/properties/a/oneOf/0/required must be an array of names"),
            (json!({"a": {"enum": "x"}}), "/properties/a/enum must be an array of the values"),
            (json!({"a": {"description": 1}}), "/properties/a/description must be a string, not 1"),
            (json!({"a": {"minimum": "0"}}), "/properties/a/minimum must be a number, not \"0\""),
        ] {
            let found = fault_of(&json!({"type": "object", "properties": properties})).unwrap();
            assert!(found.starts_with(fault), "{found}");
        }
    }

    #[test]
    fn the_arguments_of_a_tool_are_an_object() {
        for schema in [json!({}), json!({"type": "string"}), json!(true), json!(["object"])] {
            assert!(fault_of(&schema).unwrap().starts_with("it must describe an object"));
        }
    }
}
