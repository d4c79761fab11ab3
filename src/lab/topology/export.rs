//! Graphs to files: edge lists, adjacency JSON, GraphML, plain or gzipped, as `import` reads them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Graph;
use super::form::Form;

/// Writes a graph, in the form that the name of the file tells; see [`super::read`]. A file that
/// is there is replaced once all is written; into a pipe or a device it is written as it comes.
///
/// # Errors
/// The file cannot be written.
pub fn save(graph: &Graph, path: &Path) -> io::Result<()> {
    let form = Form::of(path);
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return write_packed(graph, form, &mut File::create(path)?);
    }
    let mut file = AtomicWriteFile::open(path)?;
    write_packed(graph, form, file.as_file_mut())?;
    file.commit()
}

fn write_packed(graph: &Graph, (form, packed): (Form, bool), file: &mut File) -> io::Result<()> {
    let mut file = BufWriter::new(file);
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
