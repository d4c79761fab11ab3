//! The program as people and scripts meet it: started as a process, told by lines on its input, judged by what it
//! prints, the files it leaves, and its exit code.

mod process;

mod control;
mod demo;
mod fetch;
mod few_files;
mod laboratory;
mod lifecycle;
mod strangers;
mod usage;
