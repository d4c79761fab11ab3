//! The server: listens, lets in whom the guard lets in, and passes on what is said.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Extension, Path as Places, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use futures_util::{Stream, StreamExt, stream};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use super::document::document;
use super::guard::Guard;
use super::operation::{OPERATIONS, Operation};
use super::{Desk, MOST_WAITING, Order, Pass, Said};

/// Connections at once. An owner has a few programs; a page that opens sockets in a loop must not use up ours.
const CONNECTIONS: usize = 64;

/// Request heads, and bodies: a command line is shorter.
const LARGEST: usize = 64 * 1024;

/// A caller says what he wants within this.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// After a failed accept (no file descriptors left) the next try waits this long.
const PAUSE: Duration = Duration::from_millis(100);

/// Hexadecimal digits of `{"exit":n}` aside, the code of a command that was not understood.
const USAGE: u8 = 2;

/// An address that is listened on, and nobody is answered at yet.
#[derive(Debug)]
pub struct Opened {
    listener: TcpListener,
    at: SocketAddr,
}

/// A running control API. Ends, and takes its pass away, when dropped.
#[derive(Debug)]
pub struct Server {
    data: PathBuf,
    _stop: DropGuard,
}

impl Opened {
    /// Listens at `addr`, port 0 for any free one.
    ///
    /// # Errors
    /// The address is taken, or not ours.
    pub async fn at(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let at = listener.local_addr()?;
        Ok(Self { listener, at })
    }

    /// Where that is.
    pub const fn addr(&self) -> SocketAddr {
        self.at
    }

    /// Begins to answer: `desk` carries out what is asked for, callers find us by the pass in `data`, and `listen` is
    /// where the servent itself listens.
    ///
    /// # Errors
    /// The pass cannot be written.
    pub fn serve(self, data: &Path, listen: SocketAddr, desk: Arc<dyn Desk>) -> io::Result<Server> {
        let pass = Pass::issue(self.at, listen);
        pass.write(data)?;
        let stop = CancellationToken::new();
        let router = router(desk, Guard::new(pass.token));
        tokio::spawn(answer(self.listener, router, stop.clone()));
        Ok(Server {
            data: data.to_owned(),
            _stop: stop.drop_guard(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = Pass::withdraw(&self.data) {
            tracing::warn!(%error, "the pass of the control API stays behind");
        }
    }
}

async fn answer(listener: TcpListener, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let Ok((stream, _)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        let (Ok(local), Ok(place)) = (stream.local_addr(), places.clone().try_acquire_owned())
        else {
            continue;
        };
        let service = TowerToHyperService::new(router.clone().layer(Extension(Local(local))));
        let stop = stop.clone();
        tokio::spawn(async move {
            let _place = place;
            let mut connection = http1::Builder::new();
            connection
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WITHIN)
                .max_buf_size(LARGEST);
            let served = connection.serve_connection(TokioIo::new(stream), service);
            // What went wrong with a connection concerns nobody but the caller, who knows.
            let _ = stop.run_until_cancelled(served).await;
        });
    }
}

/// Our end of a connection.
#[derive(Clone, Copy, Debug)]
struct Local(SocketAddr);

type Shared = Arc<dyn Desk>;

fn router(desk: Shared, guard: Guard) -> Router {
    let mut router = Router::new()
        .route(
            "/api/v1/openapi.json",
            get(|| async { lines(document().to_string()) }),
        )
        .route("/api/v1/events", get(events))
        .route("/api/v1/commands", post(commands));
    for operation in &OPERATIONS {
        router = router.route(operation.path, method(operation));
    }
    let guard = Arc::new(guard);
    router
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn_with_state(guard, admit))
        .with_state(desk)
}

/// Lets a call in or not. What is not let in learns nothing, not even which paths there are.
async fn admit(
    State(guard): State<Arc<Guard>>,
    Extension(Local(local)): Extension<Local>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match guard.judge(request.headers(), local) {
        Ok(()) => next.run(request).await,
        Err(why) => failure(StatusCode::FORBIDDEN, why, None),
    };
    let headers = response.headers_mut();
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn method(operation: &'static Operation) -> MethodRouter<Shared> {
    let handler = move |State(desk): State<Shared>,
                        Places(places): Places<Vec<(String, String)>>,
                        headers: HeaderMap,
                        body: Bytes| async move {
        match json_of(&headers, &body).and_then(|body| operation.words(&places, body)) {
            Ok(words) => {
                call(
                    desk,
                    Order {
                        words,
                        ..Order::default()
                    },
                )
                .await
            }
            Err(why) => failure(StatusCode::BAD_REQUEST, &why, Some(USAGE)),
        }
    };
    match operation.method {
        "GET" => get(handler),
        "DELETE" => delete(handler),
        _ => post(handler),
    }
}

/// A body's object; an empty one where there is no body.
fn json_of(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, String> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    // A form of another site cannot say this without asking first.
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.is_none_or(|kind| kind.split(';').next().map(str::trim) != Some("application/json")) {
        return Err("the body must be application/json".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| format!("the body is no JSON object: {error}"))
}

/// An operation: its data as it comes. When it fails before there is any, the status says so.
async fn call(desk: Shared, order: Order) -> Response {
    let mut said = Box::pin(carry_out(desk, order));
    let mut why = String::new();
    while let Some(piece) = said.next().await {
        match piece {
            Said::Data(line) => {
                let first = stream::iter([Said::Data(line)]);
                return streamed(
                    first
                        .chain(said)
                        .scan(String::new(), |why, piece| {
                            let line = match piece {
                                Said::Data(line) => line + "\n",
                                Said::Exit(exit) if exit != 0 => {
                                    json!({"error": why, "exit": exit}).to_string() + "\n"
                                }
                                Said::Error(error) => {
                                    *why = error;
                                    String::new()
                                }
                                _ => String::new(),
                            };
                            std::future::ready(Some(line))
                        })
                        .filter(|line| std::future::ready(!line.is_empty())),
                );
            }
            Said::Error(error) => why = error,
            Said::Exit(0) => break,
            Said::Exit(exit) => return failure(status_of(exit), &why, Some(exit)),
            Said::Talk(_) | Said::Progress(_) => {}
        }
    }
    lines(String::new())
}

/// A command line of the verbs: all that is said, piece by piece.
async fn commands(State(desk): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let order = json_of(&headers, &body).and_then(|body| {
        serde_json::from_value::<Order>(Value::Object(body)).map_err(|error| error.to_string())
    });
    match order {
        Ok(order) => streamed(
            carry_out(desk, order)
                .map(|said| serde_json::to_string(&said).expect("text and a number") + "\n"),
        ),
        Err(why) => failure(StatusCode::BAD_REQUEST, &why, Some(USAGE)),
    }
}

async fn events(State(desk): State<Shared>) -> impl IntoResponse {
    let news = desk.news().map(|news| {
        Ok::<_, std::convert::Infallible>(
            Event::default()
                .event(news.event)
                .data(news.data.to_string()),
        )
    });
    Sse::new(news).keep_alive(KeepAlive::default())
}

/// What comes of an order, which ends when nobody listens any more.
fn carry_out(desk: Shared, order: Order) -> impl Stream<Item = Said> + Send + 'static {
    let (say, said) = mpsc::channel(MOST_WAITING);
    let task = AbortOnDropHandle::new(tokio::spawn(desk.carry_out(order, say)));
    stream::unfold((said, task), |(mut said, task)| async move {
        said.recv().await.map(|piece| (piece, (said, task)))
    })
}

const fn status_of(exit: u8) -> StatusCode {
    match exit {
        USAGE => StatusCode::BAD_REQUEST,
        3 => StatusCode::NOT_FOUND,
        5 => StatusCode::FORBIDDEN,
        6 => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn streamed(lines: impl Stream<Item = String> + Send + 'static) -> Response {
    let body = Body::from_stream(lines.map(Ok::<_, std::convert::Infallible>));
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

fn lines(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

fn failure(status: StatusCode, why: &str, exit: Option<u8>) -> Response {
    (
        status,
        lines(json!({ "error": why, "exit": exit }).to_string()),
    )
        .into_response()
}
