//! Graphs to files: edge lists, adjacency JSON, GraphML, plain or gzipped, as `import` reads them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Graph;
use super::form::Form;

/// Writes a graph, in the form that the name of the file tells; see [`super::read`]. What is there is written over.
///
/// # Errors
/// The file cannot be written.
pub fn save(graph: &Graph, path: &Path) -> io::Result<()> {
    let (form, packed) = Form::of(path);
    let mut file = BufWriter::new(File::create(path)?);
    if packed {
        let mut packer = GzEncoder::new(&mut file, Compression::default());
        write(graph, form, &mut packer)?;
        packer.finish()?;
    } else {
        write(graph, form, &mut file)?;
    }
    file.flush()
}

fn write(graph: &Graph, form: Form, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Edges => write_edges(graph, out),
        Form::Json => write_json(graph, out),
        Form::GraphMl => write_graphml(graph, out),
    }
}

/// Writes an edge list.
fn write_edges(graph: &Graph, out: &mut impl Write) -> io::Result<()> {
    for (a, b) in graph.edges() {
        writeln!(out, "{a} {b}")?;
    }
    Ok(())
}

/// Writes adjacency JSON: each edge at both its ends.
fn write_json(graph: &Graph, out: &mut impl Write) -> io::Result<()> {
    let neighbours = graph.neighbours();
    writeln!(out, "{{")?;
    for node in 0..graph.nodes() as u32 {
        let end = if node as usize + 1 < graph.nodes() {
            ","
        } else {
            ""
        };
        writeln!(out, "  \"{node}\": {:?}{end}", neighbours.of(node))?;
    }
    writeln!(out, "}}")
}

/// Writes GraphML.
fn write_graphml(graph: &Graph, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<graphml xmlns="http://graphml.graphdrawing.org/xmlns">"#
    )?;
    writeln!(out, r#"  <graph edgedefault="undirected">"#)?;
    for node in 0..graph.nodes() {
        writeln!(out, r#"    <node id="{node}"/>"#)?;
    }
    for (a, b) in graph.edges() {
        writeln!(out, r#"    <edge source="{a}" target="{b}"/>"#)?;
    }
    writeln!(out, "  </graph>\n</graphml>")
}
