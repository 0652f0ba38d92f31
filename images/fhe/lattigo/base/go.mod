module programs

go 1.23

require github.com/tuneinsight/lattigo/v6 v6.1.1
