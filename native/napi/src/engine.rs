//! One engine: a reactor, a store, and the tables both share with JavaScript.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use millrace_io::{CompletionQueue, EngineError, ErrorCode, FileRange, OsDisk, Result};
use millrace_log::{Appender, Log, Store};
use millrace_reactor::{FileSource, Mapping, Reactor};

use crate::js::{Js, Value};
use crate::poller::Poller;
use crate::{convert, hot_calls, log_calls, memory, reactor_calls, store_calls};

/// Rows of one staged plan.
pub(crate) const PLAN_ROWS: usize = 8192;
pub(crate) const PLAN_STRIDE: usize = 6;
pub(crate) const RESULT_STRIDE: usize = 4;
const LOCATED_COLUMNS: usize = 5;

/// Tables written by one side and read by the other within a call.
pub(crate) struct Tables {
    pub(crate) plan: Arc<Mapping>,
    pub(crate) results: Arc<Mapping>,
    pub(crate) located: Arc<Mapping>,
    pub(crate) failed_logs: Arc<Mapping>,
    /// Ids, and their number in the last cell.
    pub(crate) deferred_logs: Arc<Mapping>,
}

/// State behind the functions of one engine. Only the thread that opened it uses it, except for the
/// store, which is shared with pool threads.
pub(crate) struct Engine {
    /// `None` once closed. Never borrowed while JavaScript runs.
    pub(crate) reactor: RefCell<Option<Reactor>>,
    pub(crate) poller: RefCell<Option<Poller>>,
    pub(crate) store: Arc<Store>,
    pub(crate) appender: RefCell<Appender>,
    pub(crate) tables: Tables,
}

impl Engine {
    pub(crate) fn log(&self, log_id: u32) -> Result<Arc<Log>> {
        self.store.log(log_id)
    }

    /// Runs with the reactor; after `close` there is none.
    pub(crate) fn with_reactor<T>(&self, run: impl FnOnce(&mut Reactor) -> T) -> Result<T> {
        match self.reactor.borrow_mut().as_mut() {
            Some(reactor) => Ok(run(reactor)),
            None => Err(EngineError::new(
                ErrorCode::UnknownHandle,
                "the reactor is closed",
            )),
        }
    }
}

/// Where the ranges of `file` rows come from.
pub(crate) struct StoreFiles<'a>(pub(crate) &'a Store);

impl FileSource for StoreFiles<'_> {
    fn range(&self, log: u32, segment: i64, position: u64, length: u64) -> Option<FileRange> {
        self.0.file_range(log, segment, position, length)
    }
}

fn table(rows: usize, stride: usize) -> Result<Arc<Mapping>> {
    Mapping::new(rows * stride * size_of::<f64>())
        .map(Arc::new)
        .map_err(|error| EngineError::io("mmap", &error))
}

/// `openEngine(options)`: an object with the tables and a function for every call.
pub(crate) fn open(js: Js, options: Value) -> Result<Value> {
    let options = convert::reactor_options(js, options)?;
    let completions = Arc::new(CompletionQueue::new()?);
    let reactor = Reactor::new(options, Arc::clone(&completions))?;
    let store = Store::new(Arc::new(OsDisk), completions)?;
    let engine = Rc::new(Engine {
        appender: RefCell::new(store.appender()),
        reactor: RefCell::new(None),
        poller: RefCell::new(None),
        store,
        tables: Tables {
            plan: table(PLAN_ROWS, PLAN_STRIDE)?,
            results: table(PLAN_ROWS, RESULT_STRIDE)?,
            located: table(1, LOCATED_COLUMNS)?,
            failed_logs: table(PLAN_ROWS, 1)?,
            deferred_logs: table(PLAN_ROWS + 1, 1)?,
        },
    });
    let tables = &engine.tables;
    let [events, sends, out] = reactor.tables();
    let object = js.object(&[
        (c"events", memory::doubles(js, events)),
        (c"sends", memory::doubles(js, sends)),
        (c"out", memory::view(js, out)),
        (c"plan", memory::doubles(js, &tables.plan)),
        (c"results", memory::doubles(js, &tables.results)),
        (c"located", memory::doubles(js, &tables.located)),
        (c"failedLogs", memory::doubles(js, &tables.failed_logs)),
        (c"deferredLogs", memory::doubles(js, &tables.deferred_logs)),
    ]);
    *engine.reactor.borrow_mut() = Some(reactor);
    for (name, body) in hot_calls::FUNCTIONS
        .iter()
        .chain(reactor_calls::FUNCTIONS)
        .chain(store_calls::FUNCTIONS)
        .chain(log_calls::FUNCTIONS)
    {
        crate::function::define(js, object, &engine, name, *body);
    }
    Ok(object)
}
