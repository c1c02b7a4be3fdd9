// Package html writes a report of bots as one page with plots: a file that needs no script and no network. Its content
// security policy allows its own style sheet and nothing more. Pure: a report goes in, bytes come out.
//
// Start reading at Write (page.go); plot.go makes the geometry of the plots.
package html
