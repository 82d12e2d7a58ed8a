//! The files of a folder, for `--static`.
//!
//! A path is taken apart into plain names before it touches the file system,
//! and what it leads to is used only when it still lies in the folder, with
//! all links followed. Hidden files are not served.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 32 << 10;

/// A folder whose files are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files(PathBuf);

/// Why a folder cannot be served.
#[derive(Debug, Error)]
pub enum FilesError {
    /// It cannot be read.
    #[error("cannot serve the files of {}: {cause}", .path.display())]
    Io {
        /// The path asked for.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is something else.
    #[error("{} is not a folder; give the folder whose files to serve", .0.display())]
    NotAFolder(PathBuf),
}

impl Files {
    /// The folder at `path`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn new(path: &Path) -> Result<Self, FilesError> {
        let failed = |cause| FilesError::Io {
            path: path.to_owned(),
            cause,
        };
        let folder = path.canonicalize().map_err(failed)?;
        if !folder.is_dir() {
            return Err(FilesError::NotAFolder(path.to_owned()));
        }
        Ok(Self(folder))
    }

    /// The place that a path means, as long as no link leads elsewhere.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let mut place = self.0.clone();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let is_plain = !name.starts_with('.') || name == ".well-known";
            if !is_plain || name.contains(['\\', ':', '\0']) {
                return None;
            }
            place.push(name);
        }
        Some(place)
    }
}

/// What a path leads to.
pub(crate) enum Found {
    File {
        file: File,
        length: u64,
        content_type: &'static str,
    },
    /// A folder, whose address ends with a slash.
    Folder(String),
}

/// Looks for the file that a path means; a folder's is its `index.html`.
pub(crate) async fn find(folder: &Files, path: &str) -> Option<Found> {
    let mut place = tokio::fs::canonicalize(folder.place(path)?).await.ok()?;
    if place.starts_with(&folder.0) && tokio::fs::metadata(&place).await.ok()?.is_dir() {
        let index = tokio::fs::canonicalize(place.join("index.html"))
            .await
            .ok()?;
        if !path.ends_with('/') {
            return Some(Found::Folder(path.to_owned()));
        }
        place = index;
    }
    if !place.starts_with(&folder.0) {
        return None;
    }
    // Before it is opened: opening a pipe would wait for its writer.
    if !tokio::fs::metadata(&place).await.ok()?.is_file() {
        return None;
    }
    let file = File::open(&place).await.ok()?;
    let length = file.metadata().await.ok()?.len();
    Some(Found::File {
        file,
        length,
        content_type: content_type(&place),
    })
}

/// What browsers are to take a file for.
fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("html" | "htm") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("txt" | "md" | "log") => "text/plain; charset=utf-8",
        Some("xml") => "text/xml; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        Some("pdf") => "application/pdf",
        _ => "application/octet-stream",
    }
}

/// A file on its way, a chunk at a time.
pub(crate) struct FileBody {
    file: File,
    remaining: u64,
    _guard: Arc<dyn Send + Sync>,
}

impl FileBody {
    /// The first `length` bytes of a file; `guard` lives as long as they do.
    pub(crate) fn new(file: File, length: u64, guard: Arc<dyn Send + Sync>) -> Self {
        Self {
            file,
            remaining: length,
            _guard: guard,
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let room = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let mut chunk = vec![0; room.min(CHUNK_BYTES)];
        let mut buf = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.file).poll_read(cx, &mut buf))?;
        let length = buf.filled().len();
        if length == 0 {
            // It has become shorter than the head has said.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        chunk.truncate(length);
        self.remaining -= length as u64;
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_paths_stay_in_the_folder() {
        let files = Files(PathBuf::from("/srv"));
        for (path, place) in [
            ("/", Some("/srv")),
            ("/a/b.html", Some("/srv/a/b.html")),
            ("//a", Some("/srv/a")),
            ("/.well-known/x", Some("/srv/.well-known/x")),
            ("/../etc/passwd", None),
            ("/a/../../b", None),
            ("/./a", None),
            ("/.git/config", None),
            ("/a\\..\\b", None),
            ("/C:/x", None),
            ("/a\0b", None),
        ] {
            assert_eq!(files.place(path), place.map(PathBuf::from), "{path}");
        }
    }

    #[test]
    fn static_content_types_by_extension() {
        for (name, expected) in [
            ("a.HTML", "text/html; charset=utf-8"),
            ("a.b.js", "text/javascript; charset=utf-8"),
            ("Makefile", "application/octet-stream"),
        ] {
            assert_eq!(content_type(Path::new(name)), expected);
        }
    }
}
