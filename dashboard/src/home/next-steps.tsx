import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { BookOpen, FileText, KeyRound, type LucideIcon, Plug } from 'lucide-react';
import type { ReactNode } from 'react';
import { inksong } from '../app/session.ts';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { Time } from '../ui/time.tsx';

/** What to do next, as things stand with the key and the documents. */
export function NextSteps() {
  const keys = useQuery({ queryKey: ['api-keys'], queryFn: () => inksong.apiKeys.list() });
  const documents = useQuery({
    queryKey: ['documents', { limit: 1 }],
    queryFn: () => inksong.documents.page({ limit: 1 }),
  });
  const failed = [keys, documents].find(({ isError }) => isError);
  const key = keys.data?.[0];
  const attempts = key?.retired?.attempts ?? 0;
  return (
    <Panel title="Next steps">
      {attempts > 0 && (
        <div className="mb-4">
          <Notice kind="warning" title="Something still uses a key from before the last rotation">
            <p>
              It is refused.{' '}
              <Link to="/api-key" className={linkClass}>
                See from where
              </Link>
              .
            </p>
          </Notice>
        </div>
      )}
      {failed ? (
        <Failure error={failed.error} onRetry={() => void failed.refetch()} />
      ) : !key || !documents.data ? (
        <Loading label="Loading the next steps …" className="h-84 md:h-36" />
      ) : (
        <ul className="grid gap-x-8 gap-y-5 md:grid-cols-2">
          {key.last_used_at === null ? (
            <Step icon={Plug} title="Make your first call">
              Your key has not been used yet. Take a sample from the quickstart below.
            </Step>
          ) : (
            <Step icon={Plug} title="Your key is in use">
              Last used <Time at={key.last_used_at} relative />
              {key.last_used_ip !== null && (
                <>
                  {' '}
                  from <span className="break-all text-ink">{key.last_used_ip}</span>
                </>
              )}
              .
            </Step>
          )}
          <Step
            icon={KeyRound}
            title={
              <Link to="/api-key" className={linkClass}>
                API key
              </Link>
            }
          >
            {key.allowed_ips === null
              ? 'It works from any address. Limit it to your servers, or rotate it.'
              : 'It works only from the addresses you allow. Change them, or rotate the key.'}
          </Step>
          <Step
            icon={FileText}
            title={
              <Link to="/documents" className={linkClass}>
                Documents
              </Link>
            }
          >
            {documents.data.items.length === 0
              ? 'There are none yet. Upload one here, or send one with the key.'
              : 'See, find and replace what is stored.'}
          </Step>
          <Step
            icon={BookOpen}
            title={
              <a href="/docs/" className={linkClass}>
                Guide
              </a>
            }
          >
            All calls with samples to run, and what each error means.
          </Step>
        </ul>
      )}
    </Panel>
  );
}

const linkClass = 'underline underline-offset-4';

function Step({ icon: Icon, title, children }: { icon: LucideIcon; title: ReactNode; children: ReactNode }) {
  return (
    <li className="flex gap-3">
      <span className="grid size-10 shrink-0 place-items-center rounded-lg bg-accent-soft text-accent">
        <Icon size={20} aria-hidden />
      </span>
      <div className="min-w-0">
        <p className="font-medium">{title}</p>
        <p className="mt-0.5 text-sm text-muted">{children}</p>
      </div>
    </li>
  );
}
