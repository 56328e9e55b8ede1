module go_exec

go 1.19
