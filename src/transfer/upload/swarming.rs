//! What servents need to fetch from many at once: hash trees, the parts of unfinished files, and each other's addresses.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;

use super::answer::offer_unfinished;
use super::body::Body;
use super::connection::Connection;
use super::mesh::Mesh;
use crate::library::SharedFile;
use crate::rng::Rng;
use crate::thex::Tree;
use crate::transfer::download::Source;
use crate::transfer::http::{
    Method, READS_WALLED, Request, Response, Status, Target, Version, Walled, read_alternates,
    read_walled, tell_alternates, tell_walled,
};
use crate::wire::{Guid, Sha1, Urn};

impl Connection<'_> {
    /// Sends the hash tree of a file, whole or unfinished.
    pub(super) async fn answer_tree(&mut self, request: &Request, sha1: Sha1) -> io::Result<bool> {
        let kept = request.keeps_alive();
        let file = self.find(&Target::Content(Urn::Sha1(sha1)));
        let Some(tree) = self.tree(sha1, file).await else {
            return self.refuse(Status::NOT_FOUND, kept).await;
        };
        let gtk = self.agent.starts_with("gtk-gnutella/") && request.version == Version::Http11;
        let tree = if gtk {
            tree.customary()
        } else {
            Tree::clone(&tree)
        };
        let mut body = tree.encode(Guid::random(&mut Rng::system()));
        let mut response = Response::new(Status::OK).with("Content-Type", Tree::MEDIA_TYPE);
        if gtk {
            // gtk-gnutella (measured: 1.2.3) counts what came with the head twice when the length was told, and ends early.
            response.headers.push("Transfer-Encoding", "chunked");
            let size = format!("{:x}\r\n", body.len());
            body = [size.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat().into();
        } else {
            response.headers.push("Content-Length", body.len());
        }
        self.say(response, kept).await?;
        if request.method == Method::Get {
            self.write(&body).await?;
        }
        Ok(kept)
    }

    async fn tree(&self, sha1: Sha1, file: Option<SharedFile>) -> Option<Arc<Tree>> {
        let (trees, downloads) = self.uploads.also.get()?;
        let Some(file) = file else {
            return Some(downloads.offered(sha1)?.tree);
        };
        if let Some(tree) = downloads.finished_tree(sha1) {
            return Some(tree);
        }
        let trees = trees.clone();
        tokio::task::spawn_blocking(move || trees.find(&file))
            .await
            .ok()?
    }

    /// Sends what is right of an unfinished download.
    pub(super) async fn answer_unfinished(
        &mut self,
        request: &Request,
        sha1: Sha1,
    ) -> io::Result<bool> {
        let kept = request.keeps_alive();
        let also = self.uploads.also.get();
        let Some(offered) = also.and_then(|(_, downloads)| downloads.offered(sha1)) else {
            return self.refuse(Status::NOT_FOUND, kept).await;
        };
        match offer_unfinished(request, sha1, &offered) {
            Ok((range, mut response)) => {
                self.exchange(request, sha1, &mut response);
                let body = Body::growing(offered.file);
                // It has no index yet, and its end is never all of it: that is nobody's complete upload.
                let what = (&*offered.name, u32::MAX, u64::MAX);
                self.send(request, what, &body, (range, response)).await
            }
            Err(mut refusal) => {
                self.exchange(request, sha1, &mut refusal);
                self.say(refusal, kept).await
            }
        }
    }

    /// Hears who else has the file, and tells whom we know to have it.
    pub(super) fn exchange(&mut self, request: &Request, sha1: Sha1, response: &mut Response) {
        let headers = &request.headers;
        self.reads_walled |= headers.lists("X-Features", READS_WALLED);
        let Some((_, downloads)) = self.uploads.also.get() else {
            return;
        };
        let mesh = &self.uploads.mesh;
        for addr in headers.all("X-NAlt").flat_map(read_alternates) {
            mesh.doubt(sha1, |known| known.push.is_none() && known.addr == addr);
        }
        for wall in headers.all("X-NFalt").flat_map(read_walled) {
            mesh.doubt(sha1, |known| known.push == Some(wall.servent));
        }
        // Of itself somebody may speak; of others he may say anything.
        let ip = *self.remote.ip();
        let open = headers.all("X-Alt").flat_map(read_alternates);
        let walled = headers.all("X-Falt").flat_map(read_walled);
        let walled = walled.filter_map(|wall| Source::behind(wall, ip));
        let told = open.map(Source::at).chain(walled);
        let own: Vec<Source> = told.filter(|source| *source.addr.ip() == ip).collect();
        let others = mesh.others(sha1, &own);
        let open = others.iter().filter(|source| source.push.is_none());
        let open: Vec<SocketAddrV4> = open.map(|source| source.addr).collect();
        let walled = others.iter().filter(|_| self.reads_walled);
        let walled: Vec<Walled> = walled.filter_map(Source::walled).collect();
        if !open.is_empty() {
            response.headers.push("X-Alt", tell_alternates(&open));
        }
        if !walled.is_empty() {
            response.headers.push("X-Falt", tell_walled(&walled));
        }
        for source in own.into_iter().take(1) {
            let agent = self.uploads.identity.agent.clone();
            Mesh::prove(mesh, sha1, source, downloads, agent);
        }
    }
}
