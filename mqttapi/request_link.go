package mqttapi

// The limits of the requests about links and jobs.
const (
	// MaxAddress is the length of the address that a browser ended on, in characters. Google's longest code has 256.
	// Source: https://developers.google.com/identity/protocols/oauth2#size
	MaxAddress = 4096
	// MaxJob is the length of a job's name in characters. The bridge's own have 26.
	MaxJob = 64
)

// Refresh is the body of VerbRefresh.
type Refresh struct{}

// StartLink is the body of VerbLink.
type StartLink struct{}

// FinishLink is the body of VerbLinkFinish: the whole Address that the browser ended on, or the Code and the State in it.
type FinishLink struct{ Address, Code, State Secret }

// Unlink is the body of VerbUnlink. With Revoke, Google is told too.
type Unlink struct{ Revoke bool }

// ListJobs is the body of VerbJobs.
type ListJobs struct{}

// CancelJob is the body of VerbJobCancel.
type CancelJob struct{ Job string }

// RetryJob is the body of VerbJobRetry.
type RetryJob struct{ Job string }

func (Refresh) body()    {}
func (StartLink) body()  {}
func (FinishLink) body() {}
func (Unlink) body()     {}
func (ListJobs) body()   {}
func (CancelJob) body()  {}
func (RetryJob) body()   {}

// parseAddress reads the bare address that a person pasted.
func parseAddress(text []byte) (Request, error) {
	r := Request{Verb: VerbLinkFinish}
	if len(text) > MaxAddress {
		return r, Errorf(CodeBadPayload, "The address has %d bytes; at most %d are possible: paste the address of the browser only.", len(text), MaxAddress)
	}
	r.Body = FinishLink{Address: Secret(text)}
	return r, nil
}

func readFinishLink(o *object) Body {
	if o.choose("url", "code") == "" {
		o.fail(`"url" is missing: paste the whole address that the browser ended on, also when its page did not load.`)
	}
	if o.has("code") {
		o.need("state")
	}
	if o.has("url") && o.has("state") {
		o.fail(`"url" and "state" are both given; only one of them is possible.`)
	}
	return FinishLink{
		Address: Secret(o.text("url", MaxAddress)),
		Code:    Secret(o.text("code", MaxAddress)),
		State:   Secret(o.text("state", MaxAddress)),
	}
}

func readUnlink(o *object) Body {
	return Unlink{Revoke: o.flag("revoke", true)}
}

func readCancelJob(o *object) Body {
	o.need("job")
	return CancelJob{Job: o.text("job", MaxJob)}
}

func readRetryJob(o *object) Body {
	o.need("job")
	return RetryJob{Job: o.text("job", MaxJob)}
}
