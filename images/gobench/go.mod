module library

go 1.18

require duetbench v0.0.0

replace duetbench => /probes/go
