package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
)

const closeFor = 2 * time.Second // for saving the last counts at a stop

// projects are Google's of the OAuth clients in use. What one process learns of a project it tells the others.
type projects struct {
	process *process
	store   *store.Store
	opening wake.Lock                   // held while one is opened; guards open
	open    map[string]*account.Project // by id
}

type toldProject struct {
	ID    string `json:"id"`
	State []byte `json:"state"`
}

func newProjects(p *process, s *store.Store) *projects {
	return &projects{p, s, wake.NewLock(), map[string]*account.Project{}}
}

func (p *projects) of(ctx context.Context, clientID string) (*account.Project, error) {
	sum := sha256.Sum256([]byte(clientID))
	id := fmt.Sprintf("requests-%x", sum[:6])
	if err := p.opening.Lock(ctx); err != nil {
		return nil, err
	}
	defer p.opening.Unlock()
	if project, ok := p.open[id]; ok {
		return project, nil
	}
	project, err := account.OpenProject(ctx, p.store, id)
	if err != nil {
		return nil, err
	}
	if !p.process.alone() {
		project.Share(func(state []byte) { p.process.tell(subjectProject, toldProject{id, state}) })
	}
	p.open[id] = project
	return project, nil
}

// learn takes what another process tells.
func (p *projects) learn(ctx context.Context, text []byte) []byte {
	var told toldProject
	if json.Unmarshal(text, &told) != nil || p.opening.Lock(ctx) != nil {
		return nil
	}
	project := p.open[told.ID]
	p.opening.Unlock()
	if project != nil {
		project.Learn(told.State)
	}
	return nil
}

// close saves what is left of the day's counts; a cluster that is away does not hold up the stop.
func (p *projects) close() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), closeFor)
	defer cancel()
	for _, project := range p.open {
		err = errors.Join(err, project.Close(ctx))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		p.process.log.WithError(err).Warn("the requests of the last second are not counted")
		return nil
	}
	return err
}
