mod basic;
mod ends;
mod handshake;
mod harness;
mod mux;
mod pace;
mod reliability;
