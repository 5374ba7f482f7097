import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { inksong } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { Panel } from '../ui/panel.tsx';
import { chartOf } from './usage-bars.ts';
import { UsageChart } from './usage-chart.tsx';
import { UsageTable } from './usage-table.tsx';
import { countsText } from './usage-text.ts';

/** Requests of the last 30 days, as a chart or as a table. */
export function UsagePanel() {
  const [asTable, setAsTable] = useState(false);
  const usage = useQuery({ queryKey: ['usage'], queryFn: async () => chartOf((await inksong.usage()).days) });
  const chart = usage.data;
  const hasRequests = chart !== undefined && chart.totals.total > 0;
  return (
    <Panel
      title="Requests of the last 30 days"
      about={
        hasRequests
          ? `${countsText(chart.totals)}.`
          : 'With the key and with Bearer tokens, this dashboard’s own included.'
      }
      action={
        hasRequests && (
          <Button onClick={() => setAsTable(!asTable)}>{asTable ? 'Show as chart' : 'Show as table'}</Button>
        )
      }
    >
      {usage.isError ? (
        <Failure error={usage.error} onRetry={() => void usage.refetch()} />
      ) : !chart ? (
        <Loading label="Loading the requests …" className="h-78 sm:h-66" />
      ) : !hasRequests ? (
        <Empty title="No requests yet">
          <p>What is asked of the API shows here within seconds, a bar for each day.</p>
        </Empty>
      ) : asTable ? (
        <UsageTable chart={chart} />
      ) : (
        <UsageChart chart={chart} />
      )}
    </Panel>
  );
}
