//! Handshakes as other programs sent them, line ends shortened to LF; [`crlf`] puts them right.

/// Group 1 of a gtk-gnutella 1.2.3 leaf that dials an ultrapeer.
pub(super) const GTK_LEAF_HELLO: &str = "\
GNUTELLA CONNECT/0.6
Node: 44.37.0.1:6346
Remote-IP: 44.35.0.1
User-Agent: gtk-gnutella/1.2.3 (2024-03-03; Topless; Linux x86_64)
Pong-Caching: 0.1
Bye-Packet: 0.1
GGEP: 0.5
GUID: 203c3102034652c71d68882b6c16f9a2
Vendor-Message: 0.2
X-Query-Routing: 0.2
X-Requeries: False
Accept-Encoding: deflate
X-Token: Zz5bEDqH+/QY/eh2C+DruFS8Sa1DQurXwXQc; 00A=
X-Live-Since: Wed, 20 Nov 2024 21:56:25 +0000
X-Ultrapeer: False
X-Dynamic-Querying: 0.1
X-Ultrapeer-Query-Routing: 0.1
X-Degree: 32
X-Max-TTL: 4
X-Guess: 0.2
X-Features: browse/1.0, sflag/0.1, HSEP/0.2

";

/// Group 2 of a gtk-gnutella 1.2.3 ultrapeer. It deflates, as its default is.
pub(super) const GTK_ULTRAPEER_ANSWER: &str = "\
GNUTELLA/0.6 200 OK
User-Agent: gtk-gnutella/1.2.3 (2024-03-03; Topless; Linux x86_64)
Pong-Caching: 0.1
Bye-Packet: 0.1
GGEP: 0.5
GUID: c71c3102fd0b90e0152d4c7eb6fefe22
Vendor-Message: 0.2
Remote-IP: 44.36.0.1
X-Ultrapeer: True
X-Requeries: False
Accept-Encoding: deflate
Content-Encoding: deflate
X-Ultrapeer-Needed: True
X-Query-Routing: 0.2
X-Ultrapeer-Query-Routing: 0.1
X-Degree: 46
X-Max-TTL: 4
X-Dynamic-Querying: 0.1
X-Ext-Probes: 0.1
X-Guess: 0.2
X-Token: Zz5bEMmlbIBecXmOndH2hYz6Tvk63K+tIJAQ; nUg=
X-Live-Since: Wed, 20 Nov 2024 21:56:14 +0000
X-Features: browse/1.0, sflag/0.1, HSEP/0.2

";

/// Group 3 of gtk-gnutella when it will deflate.
pub(super) const GTK_LAST_WORD: &str = "\
GNUTELLA/0.6 200 OK
Content-Encoding: deflate

";

/// Group 1 of a GnutellaBun 1.0.0 ultrapeer with compression on.
pub(super) const BUN_HELLO: &str = "\
GNUTELLA CONNECT/0.6
User-Agent: GnutellaBun/1.0.0
Listen-IP: 127.0.0.1:27002
X-Max-TTL: 4
X-Ultrapeer: True
X-Ultrapeer-Needed: True
X-Ultrapeer-Query-Routing: 0.1
X-Dynamic-Querying: 0.1
X-Ext-Probes: 0.1
X-Degree: 64
X-Query-Routing: 0.2
Accept-Encoding: deflate
Pong-Caching: 0.1
GGEP: 0.5
Bye-Packet: 0.1
Remote-IP: 127.0.0.1

";

/// Group 2 of a GnutellaBun 1.0.0 ultrapeer with compression off.
pub(super) const BUN_ANSWER: &str = "\
GNUTELLA/0.6 200 OK
User-Agent: GnutellaBun/1.0.0
Listen-IP: 127.0.0.1:27001
X-Max-TTL: 4
X-Ultrapeer: True
X-Ultrapeer-Needed: True
X-Ultrapeer-Query-Routing: 0.1
X-Dynamic-Querying: 0.1
X-Ext-Probes: 0.1
X-Degree: 64
X-Query-Routing: 0.2
Pong-Caching: 0.1
GGEP: 0.5
Bye-Packet: 0.1
Remote-IP: 127.0.0.1

";

/// Group 3 of GnutellaBun when it will deflate.
pub(super) const BUN_LAST_WORD: &str = "\
GNUTELLA/0.6 200 OK
Remote-IP: 127.0.0.1
Content-Encoding: deflate

";

/// The text as it was on the wire.
pub(super) fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}
