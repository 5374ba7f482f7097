import './theme.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Announcements } from '../ui/announcements.tsx';
import { queries } from './queries.ts';
import { router } from './router.tsx';
import { restoreSession } from './session.ts';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root.');

void restoreSession();
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Announcements>
        <RouterProvider router={router} />
      </Announcements>
    </QueryClientProvider>
  </StrictMode>,
);
