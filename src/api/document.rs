//! The OpenAPI document, drawn from the table of operations (<https://spec.openapis.org/oas/v3.1.0>).

use serde_json::{Map, Value, json};

use super::operation::{OPERATIONS, Operation, Parameter, Place};

/// The whole document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for operation in &OPERATIONS {
        add(
            &mut paths,
            operation.path,
            operation.method,
            describe(operation),
        );
    }
    let commands = json!({
        "operationId": "commands",
        "summary": "Carry out a command line as the verbs do: a line a piece of what is said, the last with the exit code",
        "requestBody": body(&json!({
            "type": "object",
            "required": ["words"],
            "properties": {
                "words": { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                "columns": { "type": ["integer", "null"], "minimum": 0 },
                "bar_columns": { "type": ["integer", "null"], "minimum": 0 },
                "colour": { "type": "array", "items": { "type": "boolean" }, "minItems": 2, "maxItems": 2 },
            },
            "additionalProperties": false,
        })),
        "responses": responses("application/x-ndjson"),
    });
    add(&mut paths, "/api/v1/commands", "POST", commands);
    let events = json!({
        "operationId": "events",
        "summary": "What happens: `status` every second, `query` for each query a neighbour passes on to us",
        "responses": responses("text/event-stream"),
    });
    add(&mut paths, "/api/v1/events", "GET", events);
    let this = json!({
        "operationId": "openapi",
        "summary": "This document",
        "responses": responses("application/json"),
    });
    add(&mut paths, "/api/v1/openapi.json", "GET", this);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "servent",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Control of a running servent, by its owner",
            "description": "Every call needs the token that stands beside the address in api.json in the data folder.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "security": [{ "token": [] }],
        "components": { "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } } },
        "paths": paths,
    })
}

fn add(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    let entry = paths.entry(path).or_insert_with(|| json!({}));
    entry[method.to_ascii_lowercase()] = operation;
}

fn describe(operation: &Operation) -> Value {
    let in_path = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place == Place::Path);
    let in_path: Vec<Value> = in_path
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "in": "path",
                "required": true,
                "description": parameter.about,
                "schema": { "type": "string" },
            })
        })
        .collect();
    let mut described = json!({
        "operationId": operation.command,
        "summary": operation.about,
        "parameters": in_path,
        "responses": responses("application/x-ndjson"),
    });
    let in_body = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place != Place::Path);
    let in_body: Vec<&Parameter> = in_body.collect();
    if !in_body.is_empty() {
        let one = json!({ "type": ["string", "number"] });
        let properties: Map<String, Value> = in_body
            .iter()
            .map(|parameter| {
                let schema = json!({
                    "description": parameter.about,
                    "oneOf": [one, { "type": "array", "items": one }],
                });
                (parameter.name.to_owned(), schema)
            })
            .collect();
        let needed = in_body
            .iter()
            .filter(|parameter| parameter.place == Place::Body);
        let needed: Vec<&str> = needed.map(|parameter| parameter.name).collect();
        described["requestBody"] = body(&json!({
            "type": "object",
            "required": needed,
            "properties": properties,
            "additionalProperties": false,
        }));
    }
    described
}

fn body(schema: &Value) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

fn responses(content: &str) -> Value {
    let error = json!({ "application/json": { "schema": {
        "type": "object",
        "required": ["error"],
        "properties": { "error": { "type": "string" }, "exit": { "type": "integer" } },
    } } });
    let refused = |about: &str| json!({ "description": about, "content": error });
    json!({
        "200": { "description": "Lines of JSON; `error` and `exit` in the last where it came to nothing on the way", "content": { content: {} } },
        "400": refused("Not understood"),
        "403": refused("No token, another Host, another Origin"),
        "404": refused("Nothing was found"),
        "500": refused("It failed"),
        "504": refused("It took too long"),
    })
}
